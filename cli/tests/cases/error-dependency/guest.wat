(component
  (import "unlocked-dep=<wasi:sockets@{>=0.2.0}>" (component))
)

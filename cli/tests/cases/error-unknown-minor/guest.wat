(component
  (import "wasi:sockets/tcp@0.4.0" (instance))
)

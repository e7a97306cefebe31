(component
  (import "wasi:sockets/tcp@1.0.0" (instance))
)

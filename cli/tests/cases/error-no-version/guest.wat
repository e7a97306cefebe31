(component
  (import "wasi:sockets/tcp" (instance))
)

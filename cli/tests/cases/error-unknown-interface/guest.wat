(component
  (import "wasi:sockets/raw@0.2.0" (instance))
)

(component
  (import "door" (implements "wasi:sockets/network@0.2.3") (instance (export "network" (type (sub resource)))))
)

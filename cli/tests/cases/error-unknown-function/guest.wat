(component
  (import "wasi:sockets/tcp@0.2.0" (instance (export "tcp-socket" (type (sub resource))) (export "[static]tcp-socket.pair" (func))))
)

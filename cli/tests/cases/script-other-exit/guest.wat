(component
  (import "wasi:sockets/types@0.3.0" (instance
    (export "tcp-socket" (type (sub resource)))
  ))
  (import "wasi:cli/exit@0.4.0" (instance
    (export "exit" (func))
  ))
)

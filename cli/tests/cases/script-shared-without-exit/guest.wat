(component
  (import "wasi:sockets/network@0.2.6" (instance $network
    (export "network" (type (sub resource)))))
  (component $talks
    (import "wasi:sockets/network@0.2.6" (instance
      (export "network" (type (sub resource))))))
  (instance (instantiate $talks (with "wasi:sockets/network@0.2.6" (instance $network))))
  (component $talks-too
    (import "wasi:sockets/network@0.2.6" (instance
      (export "network" (type (sub resource))))))
  (instance (instantiate $talks-too (with "wasi:sockets/network@0.2.6" (instance $network))))
)

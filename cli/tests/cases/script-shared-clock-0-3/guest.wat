(component
  (import "wasi:sockets/network@0.2.6" (instance $network
    (export "network" (type (sub resource)))))
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "now" (func (result u64)))))
  (component $talks
    (import "wasi:sockets/network@0.2.6" (instance
      (export "network" (type (sub resource))))))
  (instance (instantiate $talks (with "wasi:sockets/network@0.2.6" (instance $network))))
  (component $waits
    (import "wasi:clocks/monotonic-clock@0.3.0" (instance
      (export "now" (func (result u64))))))
  (instance (instantiate $waits (with "wasi:clocks/monotonic-clock@0.3.0" (instance $clock))))
)

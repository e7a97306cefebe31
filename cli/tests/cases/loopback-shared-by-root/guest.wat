(component
  (import "wasi:sockets/network@0.2.6" (instance $network
    (export "network" (type (sub resource)))))
  (alias export $network "network" (type $type))
  (import "wasi:sockets/instance-network@0.2.6" (instance $default
    (alias outer 1 $type (type $type0))
    (export "network" (type $named (eq $type0)))
    (export "instance-network" (func (result (own $named))))))
  (component $inside
    (import "wasi:sockets/network@0.2.6" (instance
      (export "network" (type (sub resource))))))
  (instance (instantiate $inside (with "wasi:sockets/network@0.2.6" (instance $network))))
  (alias export $default "instance-network" (func $get))
  (core func (canon lower (func $get)))
)

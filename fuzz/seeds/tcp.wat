(component
  (import "wasi:io/poll@0.2.3" (instance $poll
    (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance
    (export "pollable" (type $p (eq $pollable)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (import "wasi:sockets/network@0.2.3" (instance $network
    (export "network" (type (sub resource)))
    (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument"
      "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block"
      "invalid-state" "new-socket-limit"))
    (export "error-code" (type (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))))
  (alias export $network "network" (type $network-type))
  (alias export $network "error-code" (type $error-code))
  (alias export $network "ip-address-family" (type $ip-address-family))
  (import "wasi:sockets/instance-network@0.2.3" (instance $instance-network
    (export "network" (type $n (eq $network-type)))
    (export "instance-network" (func (result (own $n))))))
  (import "wasi:sockets/tcp@0.2.3" (instance $tcp
    (export "pollable" (type $p (eq $pollable)))
    (export "error-code" (type $e (eq $error-code)))
    (export "tcp-socket" (type $socket (sub resource)))
    (export "[method]tcp-socket.finish-bind"
      (func (param "self" (borrow $socket)) (result (result (error $e)))))
    (export "[method]tcp-socket.set-hop-limit"
      (func (param "self" (borrow $socket)) (param "value" u8) (result (result (error $e)))))
    (export "[method]tcp-socket.subscribe"
      (func (param "self" (borrow $socket)) (result (own $p))))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.3" (instance $create
    (export "error-code" (type $e (eq $error-code)))
    (export "ip-address-family" (type $f (eq $ip-address-family)))
    (export "tcp-socket" (type $s (eq $tcp-socket)))
    (export "create-tcp-socket"
      (func (param "address-family" $f) (result (result (own $s) (error $e)))))))
  (core module $libc (memory (export "memory") 1))
  (core instance $memory (instantiate $libc))
  (core func $lowered (canon lower (func $create "create-tcp-socket") (memory $memory "memory")))
  (core module $m
    (import "create" "socket" (func $create (param i32 i32)))
    (func (export "run") (call $create (i32.const 0) (i32.const 0))))
  (core instance $i (instantiate $m
    (with "create" (instance (export "socket" (func $lowered))))))
  (func (export "run") (canon lift (core func $i "run"))))

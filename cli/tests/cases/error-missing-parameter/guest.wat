(component
  (import "wasi:sockets/network@0.2.6" (instance $network
    (export "network" (type (sub resource)))
    (type $ec (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
      "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state"
      "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable"
      "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large"
      "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $ec)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))
    (type $v4 (tuple u8 u8 u8 u8))
    (export "ipv4-address" (type $ipv4 (eq $v4)))
    (type $v6 (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export "ipv6-address" (type $ipv6 (eq $v6)))
    (type $s4 (record (field "port" u16) (field "address" $ipv4)))
    (export "ipv4-socket-address" (type $ipv4s (eq $s4)))
    (type $s6 (record (field "port" u16) (field "flow-info" u32) (field "address" $ipv6) (field "scope-id" u32)))
    (export "ipv6-socket-address" (type $ipv6s (eq $s6)))
    (type $s (variant (case "ipv4" $ipv4s) (case "ipv6" $ipv6s)))
    (export "ip-socket-address" (type (eq $s)))
  ))
  (alias export $network "network" (type $n))
  (alias export $network "error-code" (type $error))
  (alias export $network "ip-address-family" (type $fam))
  (alias export $network "ip-socket-address" (type $addr))
  (import "wasi:sockets/tcp@0.2.6" (instance $tcp
    (alias outer 1 $n (type $n0))
    (export "network" (type $network (eq $n0)))
    (alias outer 1 $error (type $e0))
    (export "error-code" (type $error-code (eq $e0)))
    (alias outer 1 $addr (type $a0))
    (export "ip-socket-address" (type $address (eq $a0)))
    (export "tcp-socket" (type $socket (sub resource)))
    (type $result (result (error $error-code)))
    (export "[method]tcp-socket.start-connect" (func
      (param "self" (borrow $socket)) (param "network" (borrow $network))
      (param "remote-address" $address) (result $result)))
    (export "[method]tcp-socket.hop-limit" (func
      (param "self" (borrow $socket)) (result (result u8 (error $error-code)))))
    (export "[method]tcp-socket.set-keep-alive-interval" (func (param "self" (borrow $socket)) (result $result)))
  ))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.6" (instance $create
    (alias outer 1 $error (type $e0))
    (export "error-code" (type $error-code (eq $e0)))
    (alias outer 1 $fam (type $f0))
    (export "ip-address-family" (type $family (eq $f0)))
    (alias outer 1 $tcp-socket (type $t0))
    (export "tcp-socket" (type $tcp-socket (eq $t0)))
    (export "create-tcp-socket" (func (param "address-family" $family)
      (result (result (own $tcp-socket) (error $error-code)))))
  ))
)

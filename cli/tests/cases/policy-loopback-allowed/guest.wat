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
)

(component
  (import "wasi:sockets/types@0.3.0" (instance $types
    (type $code (variant (case "access-denied") (case "not-supported") (case "invalid-argument")
      (case "out-of-memory") (case "timeout") (case "invalid-state") (case "other" (option string))))
    (export "error-code" (type $e (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type $f (eq $family)))
    (type $v4 (tuple u8 u8 u8 u8))
    (export "ipv4-address" (type $ipv4 (eq $v4)))
    (type $v6 (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export "ipv6-address" (type $ipv6 (eq $v6)))
    (type $either (variant (case "ipv4" $ipv4) (case "ipv6" $ipv6)))
    (export "ip-address" (type (eq $either)))
    (export "tcp-socket" (type $socket (sub resource)))
    (type $sockets (stream (own $socket)))
    (export "[static]tcp-socket.create"
      (func (param "address-family" $f) (result (result (own $socket) (error $e)))))
    (export "[method]tcp-socket.listen"
      (func (param "self" (borrow $socket)) (result (result $sockets (error $e)))))
    (export "[method]tcp-socket.send"
      (func (param "self" (borrow $socket)) (param "data" (stream u8))
        (result (future (result (error $e))))))
    (export "[method]tcp-socket.receive"
      (func (param "self" (borrow $socket))
        (result (tuple (stream u8) (future (result (error $e)))))))))
  (alias export $types "ip-address" (type $ip-address))
  (import "wasi:sockets/ip-name-lookup@0.3.0" (instance
    (export "ip-address" (type $a (eq $ip-address)))
    (type $code (variant (case "permanent-resolver-failure") (case "other" (option string))))
    (export "error-code" (type $e (eq $code)))
    (export "resolve-addresses"
      (func async (param "name" string) (result (result (list $a) (error $e)))))))
  (import "wasi:http/client@0.3.0" (instance))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))

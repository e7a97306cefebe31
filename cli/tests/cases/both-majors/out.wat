(component
  (component (;0;)
    (type (;0;) (resource (rep i32)))
    (export (;1;) "network" (type 0))
    (type (;2;) (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export (;3;) "error-code" (type 2))
    (type (;4;) (enum "ipv4" "ipv6"))
    (export (;5;) "ip-address-family" (type 4))
    (type (;6;) (tuple u8 u8 u8 u8))
    (export (;7;) "ipv4-address" (type 6))
    (type (;8;) (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export (;9;) "ipv6-address" (type 8))
    (type (;10;) (record (field "port" u16) (field "address" 7)))
    (export (;11;) "ipv4-socket-address" (type 10))
    (type (;12;) (record (field "port" u16) (field "flow-info" u32) (field "address" 9) (field "scope-id" u32)))
    (export (;13;) "ipv6-socket-address" (type 12))
    (type (;14;) (variant (case "ipv4" 11) (case "ipv6" 13)))
    (export (;15;) "ip-socket-address" (type 14))
    (type (;16;) (own 1))
    (type (;17;) (func (result 16)))
    (core func (;0;) (canon resource.new 1))
    (core instance (;0;)
      (export "0" (func 0))
    )
    (core module (;0;)
      (type (;0;) (func (param i32) (result i32)))
      (type (;1;) (func (result i32)))
      (import "i" "0" (func (;0;) (type 0)))
      (export "0" (func 1))
      (func (;1;) (type 1) (result i32)
        i32.const 1
        call 0
      )
    )
    (core instance (;1;) (instantiate 0
        (with "i" (instance 0))
      )
    )
    (alias core export 1 "0" (core func (;1;)))
    (func (;0;) (type 17) (canon lift (core func 1)))
    (export (;1;) "sockvirt-open" (func 0))
  )
  (instance (;0;) (instantiate 0))
  (alias export 0 "network" (type (;0;)))
  (alias export 0 "error-code" (type (;1;)))
  (alias export 0 "ip-socket-address" (type (;2;)))
  (component (;1;)
    (core module (;0;)
      (memory (;0;) 1 1)
      (export "m" (memory 0))
    )
    (core instance (;0;) (instantiate 0))
    (alias core export 0 "m" (core memory (;0;)))
    (import "a0" (type (;0;) (sub resource)))
    (export (;1;) "network" (type 0))
    (alias outer 1 1 (type (;2;)))
    (export (;3;) "error-code" (type 2))
    (type (;4;) (tuple u8 u8 u8 u8))
    (type (;5;) (record (field "port" u16) (field "address" 4)))
    (export (;6;) "sockvirt-type6" (type 5))
    (type (;7;) (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (type (;8;) (record (field "port" u16) (field "flow-info" u32) (field "address" 7) (field "scope-id" u32)))
    (export (;9;) "sockvirt-type9" (type 8))
    (type (;10;) (variant (case "ipv4" 6) (case "ipv6" 9)))
    (export (;11;) "ip-socket-address" (type 10))
    (type (;12;) (resource (rep i32)))
    (export (;13;) "tcp-socket" (type 12))
    (type (;14;) (result (error 3)))
    (type (;15;) (borrow 13))
    (type (;16;) (borrow 1))
    (type (;17;) (func (param "self" 15) (param "network" 16) (param "remote-address" 11) (result 14)))
    (type (;18;) (borrow 13))
    (type (;19;) (result u8 (error 3)))
    (type (;20;) (func (param "self" 18) (result 19)))
    (core module (;1;)
      (type (;0;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (type (;1;) (func (param i32) (result i32)))
      (import "s" "m" (memory (;0;) 0))
      (export "0" (func 0))
      (export "1" (func 1))
      (func (;0;) (type 0) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        unreachable
      )
      (func (;1;) (type 1) (param i32) (result i32)
        unreachable
      )
    )
    (core instance (;1;) (instantiate 1
        (with "s" (instance 0))
      )
    )
    (alias core export 1 "0" (core func (;0;)))
    (alias core export 1 "1" (core func (;1;)))
    (func (;0;) (type 17) (canon lift (core func 0) (memory 0)))
    (func (;1;) (type 20) (canon lift (core func 1) (memory 0)))
    (export (;2;) "[method]tcp-socket.start-connect" (func 0))
    (export (;3;) "[method]tcp-socket.hop-limit" (func 1))
  )
  (instance (;1;) (instantiate 1
      (with "a0" (type 0))
    )
  )
  (alias export 0 "ip-address-family" (type (;3;)))
  (alias export 1 "tcp-socket" (type (;4;)))
  (component (;2;)
    (core module (;0;)
      (memory (;0;) 1 1)
      (export "m" (memory 0))
    )
    (core instance (;0;) (instantiate 0))
    (alias core export 0 "m" (core memory (;0;)))
    (alias outer 1 1 (type (;0;)))
    (export (;1;) "error-code" (type 0))
    (alias outer 1 3 (type (;2;)))
    (export (;3;) "ip-address-family" (type 2))
    (import "a0" (type (;4;) (sub resource)))
    (export (;5;) "tcp-socket" (type 4))
    (type (;6;) (own 5))
    (type (;7;) (result 6 (error 1)))
    (type (;8;) (func (param "address-family" 3) (result 7)))
    (core module (;1;)
      (type (;0;) (func (param i32 i32) (result i32)))
      (type (;1;) (func (param i32) (result i32)))
      (import "s" "m" (memory (;0;) 0))
      (export "0" (func 1))
      (func (;0;) (type 0) (param i32 i32) (result i32)
        i32.const 0
        i32.const 1
        i32.store8 offset=16
        local.get 1
        local.get 0
        i64.extend_i32_u
        i64.store offset=16 align=1
        i32.const 16
      )
      (func (;1;) (type 1) (param i32) (result i32)
        i32.const 1
        i32.const 4
        call 0
        return
        unreachable
      )
    )
    (core instance (;1;) (instantiate 1
        (with "s" (instance 0))
      )
    )
    (alias core export 1 "0" (core func (;0;)))
    (func (;0;) (type 8) (canon lift (core func 0) (memory 0)))
    (export (;1;) "create-tcp-socket" (func 0))
  )
  (instance (;2;) (instantiate 2
      (with "a0" (type 4))
    )
  )
  (component (;3;)
    (core module (;0;)
      (type (;0;) (func (param i32 i32 i32 i32) (result i32)))
      (memory (;0;) 2 1024)
      (export "realloc" (func 0))
      (export "m" (memory 0))
      (func (;0;) (type 0) (param i32 i32 i32 i32) (result i32)
        (local i32)
        local.get 3
        i64.extend_i32_u
        i64.const 133119
        i64.add
        i64.const 16
        i64.shr_u
        i32.wrap_i64
        memory.size
        i32.sub
        local.tee 4
        i32.const 0
        i32.gt_s
        if ;; label = @1
          local.get 4
          memory.grow
          i32.const -1
          i32.eq
          if ;; label = @2
            unreachable
          end
        end
        i32.const 67584
      )
    )
    (core instance (;0;) (instantiate 0))
    (alias core export 0 "m" (core memory (;0;)))
    (alias core export 0 "realloc" (core func (;0;)))
    (type (;0;) (option string))
    (type (;1;) (variant (case "access-denied") (case "invalid-argument") (case "name-unresolvable") (case "temporary-resolver-failure") (case "permanent-resolver-failure") (case "other" 0)))
    (export (;2;) "error-code" (type 1))
    (type (;3;) (tuple u8 u8 u8 u8))
    (type (;4;) (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (type (;5;) (variant (case "ipv4" 3) (case "ipv6" 4)))
    (export (;6;) "ip-address" (type 5))
    (type (;7;) (list 6))
    (type (;8;) (result 7 (error 2)))
    (type (;9;) (func async (param "name" string) (result 8)))
    (type (;10;) (stream))
    (core func (;1;) (canon task.return (result 8) (memory 0)))
    (core func (;2;) (canon stream.new 10))
    (core func (;3;) (canon waitable-set.new))
    (core func (;4;) (canon waitable.join))
    (core func (;5;) (canon stream.read 10 async))
    (core func (;6;) (canon stream.write 10 async))
    (core instance (;1;)
      (export "0" (func 1))
      (export "1" (func 2))
      (export "2" (func 3))
      (export "3" (func 4))
      (export "4" (func 5))
      (export "5" (func 6))
    )
    (core module (;1;)
      (type (;0;) (func (param i32 i32 i32 i32 i32)))
      (type (;1;) (func (result i64)))
      (type (;2;) (func (result i32)))
      (type (;3;) (func (param i32 i32)))
      (type (;4;) (func (param i32 i32 i32) (result i32)))
      (type (;5;) (func (param i32 i32) (result i32)))
      (import "i" "0" (func (;0;) (type 0)))
      (import "i" "1" (func (;1;) (type 1)))
      (import "i" "2" (func (;2;) (type 2)))
      (import "i" "3" (func (;3;) (type 3)))
      (import "i" "4" (func (;4;) (type 4)))
      (import "i" "5" (func (;5;) (type 4)))
      (import "s" "m" (memory (;0;) 0))
      (export "0" (func 7))
      (export "1" (func 8))
      (func (;6;) (type 2) (result i32)
        (local i64)
        i32.const 0
        i32.load offset=132 align=1
        if ;; label = @1
          i32.const 0
          return
        end
        i32.const 0
        i32.load offset=120 align=1
        i32.eqz
        if ;; label = @1
          i32.const 0
          call 1
          local.tee 0
          i64.store32 offset=124 align=1
          i32.const 0
          local.get 0
          i64.const 32
          i64.shr_u
          i64.store32 offset=128 align=1
          i32.const 0
          call 2
          i32.store offset=120 align=1
          i32.const 0
          i32.load offset=124 align=1
          i32.const 0
          i32.load offset=120 align=1
          call 3
        end
        i32.const 0
        i32.load offset=124 align=1
        i32.const 0
        i32.const 1
        call 4
        drop
        i32.const 0
        i32.load offset=128 align=1
        i32.const 0
        i32.const 1
        call 5
        drop
        i32.const 0
        i32.const 1
        i32.store offset=132 align=1
        i32.const 0
        i32.load offset=120 align=1
        i32.const 4
        i32.shl
        i32.const 2
        i32.or
      )
      (func (;7;) (type 5) (param i32 i32) (result i32)
        i32.const 1
        i32.const 4
        i32.const 0
        i32.const 0
        i32.const 0
        call 0
        call 6
        return
        unreachable
      )
      (func (;8;) (type 4) (param i32 i32 i32) (result i32)
        i32.const 0
        i32.const 0
        i32.store offset=132 align=1
        i32.const 0
      )
    )
    (core instance (;2;) (instantiate 1
        (with "s" (instance 0))
        (with "i" (instance 1))
      )
    )
    (alias core export 2 "0" (core func (;7;)))
    (alias core export 2 "1" (core func (;8;)))
    (func (;0;) (type 9) (canon lift (core func 7) (memory 0) (realloc 0) async (callback 8)))
    (export (;1;) "resolve-addresses" (func 0))
  )
  (instance (;3;) (instantiate 3))
  (component (;4;)
    (type (;0;)
      (instance
        (export (;0;) "network" (type (sub resource)))
        (type (;1;) (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
        (export (;2;) "error-code" (type (eq 1)))
        (type (;3;) (enum "ipv4" "ipv6"))
        (export (;4;) "ip-address-family" (type (eq 3)))
        (type (;5;) (tuple u8 u8 u8 u8))
        (export (;6;) "ipv4-address" (type (eq 5)))
        (type (;7;) (tuple u16 u16 u16 u16 u16 u16 u16 u16))
        (export (;8;) "ipv6-address" (type (eq 7)))
        (type (;9;) (record (field "port" u16) (field "address" 6)))
        (export (;10;) "ipv4-socket-address" (type (eq 9)))
        (type (;11;) (record (field "port" u16) (field "flow-info" u32) (field "address" 8) (field "scope-id" u32)))
        (export (;12;) "ipv6-socket-address" (type (eq 11)))
        (type (;13;) (variant (case "ipv4" 10) (case "ipv6" 12)))
        (export (;14;) "ip-socket-address" (type (eq 13)))
      )
    )
    (import "wasi:sockets/network@0.2.6" (instance $network (;0;) (type 0)))
    (alias export $network "network" (type $n (;1;)))
    (alias export $network "error-code" (type $error (;2;)))
    (alias export $network "ip-address-family" (type $fam (;3;)))
    (alias export $network "ip-socket-address" (type $addr (;4;)))
    (type (;5;)
      (instance
        (alias outer 1 $n (type (;0;)))
        (export (;1;) "network" (type (eq 0)))
        (alias outer 1 $error (type (;2;)))
        (export (;3;) "error-code" (type (eq 2)))
        (alias outer 1 $addr (type (;4;)))
        (export (;5;) "ip-socket-address" (type (eq 4)))
        (export (;6;) "tcp-socket" (type (sub resource)))
        (type (;7;) (result (error 3)))
        (type (;8;) (borrow 6))
        (type (;9;) (borrow 1))
        (type (;10;) (func (param "self" 8) (param "network" 9) (param "remote-address" 5) (result 7)))
        (export (;0;) "[method]tcp-socket.start-connect" (func (type 10)))
        (type (;11;) (borrow 6))
        (type (;12;) (result u8 (error 3)))
        (type (;13;) (func (param "self" 11) (result 12)))
        (export (;1;) "[method]tcp-socket.hop-limit" (func (type 13)))
      )
    )
    (import "wasi:sockets/tcp@0.2.6" (instance $tcp (;1;) (type 5)))
    (alias export $tcp "tcp-socket" (type $tcp-socket (;6;)))
    (type (;7;)
      (instance
        (alias outer 1 $error (type (;0;)))
        (export (;1;) "error-code" (type (eq 0)))
        (alias outer 1 $fam (type (;2;)))
        (export (;3;) "ip-address-family" (type (eq 2)))
        (alias outer 1 $tcp-socket (type (;4;)))
        (export (;5;) "tcp-socket" (type (eq 4)))
        (type (;6;) (own 5))
        (type (;7;) (result 6 (error 1)))
        (type (;8;) (func (param "address-family" 3) (result 7)))
        (export (;0;) "create-tcp-socket" (func (type 8)))
      )
    )
    (import "wasi:sockets/tcp-create-socket@0.2.6" (instance $create (;2;) (type 7)))
    (type (;8;)
      (instance
        (type (;0;) (option string))
        (type (;1;) (variant (case "access-denied") (case "invalid-argument") (case "name-unresolvable") (case "temporary-resolver-failure") (case "permanent-resolver-failure") (case "other" 0)))
        (export (;2;) "error-code" (type (eq 1)))
        (type (;3;) (tuple u8 u8 u8 u8))
        (type (;4;) (tuple u16 u16 u16 u16 u16 u16 u16 u16))
        (type (;5;) (variant (case "ipv4" 3) (case "ipv6" 4)))
        (export (;6;) "ip-address" (type (eq 5)))
        (type (;7;) (list 6))
        (type (;8;) (result 7 (error 2)))
        (type (;9;) (func async (param "name" string) (result 8)))
        (export (;0;) "resolve-addresses" (func (type 9)))
      )
    )
    (import "wasi:sockets/ip-name-lookup@0.3.1" (instance (;3;) (type 8)))
  )
  (instance (;4;) (instantiate 4
      (with "wasi:sockets/network@0.2.6" (instance 0))
      (with "wasi:sockets/tcp@0.2.6" (instance 1))
      (with "wasi:sockets/tcp-create-socket@0.2.6" (instance 2))
      (with "wasi:sockets/ip-name-lookup@0.3.1" (instance 3))
    )
  )
  (@custom "sockvirt:policy" "sockvirt 0.1.0 sha256:d73ee587e728c9ccf6005cbdd857d7c52978d59abc41590468a511038c23335b/0aschema = 1/0a/0a[policy]/0adeny-as = /22access-denied/22/0adeny-at = /22create/22/0alog = /22none/22/0a/0a[dns]/0amode = /22learn/22/0adeny-as = /22permanent-resolver-failure/22/0arange = /22198.18.0.0/15/22/0a/0a[loopback]/0amode = /22host/22/0a")
)

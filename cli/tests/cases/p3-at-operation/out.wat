(component
  (component (;0;)
    (core module (;0;)
      (type (;0;) (func (param i32 i32) (result i32)))
      (type (;1;) (func (param i32)))
      (memory (;0;) 2 2)
      (global (;0;) (mut i32) i32.const 0)
      (global (;1;) (mut i32) i32.const 2048)
      (export "alloc" (func 0))
      (export "free" (func 1))
      (export "m" (memory 0))
      (func (;0;) (type 0) (param i32 i32) (result i32)
        (local i32)
        global.get 0
        local.tee 2
        if ;; label = @1
          local.get 2
          i32.load
          global.set 0
        else
          global.get 1
          i32.const 67584
          i32.eq
          if ;; label = @2
            i32.const 0
            return
          end
          global.get 1
          local.tee 2
          i32.const 64
          i32.add
          global.set 1
        end
        local.get 2
        local.get 1
        i32.const 64
        memory.copy
        local.get 2
        local.get 0
        i32.store8
        local.get 2
      )
      (func (;1;) (type 1) (param i32)
        local.get 0
        global.get 0
        i32.store
        local.get 0
        global.set 0
      )
      (data (;0;) (i32.const 512) "/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00@qa/8c/06/00/00/00.Yv/11/00/00/00/09/00/00/00/00/00/00/00@/00/00/00/00/00/00/00/00/00/01/00/00/00/00/00/00 /00/00/00/00/00/00")
      (data (;1;) (i32.const 576) "/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00/00@qa/8c/06/00/00/00.Yv/11/00/00/00/09/00/00/00/00/00/00/00@/00/00/00/00/00/00/00/00/a0/01/00/00/00/00/00/00/a0/01/00/00/00/00/00")
    )
    (core instance (;0;) (instantiate 0))
    (alias core export 0 "m" (core memory (;0;)))
    (alias core export 0 "free" (core func (;0;)))
    (type (;0;) (option string))
    (type (;1;) (variant (case "access-denied") (case "not-supported") (case "invalid-argument") (case "out-of-memory") (case "timeout") (case "invalid-state") (case "address-not-bindable") (case "address-in-use") (case "remote-unreachable") (case "connection-refused") (case "connection-broken") (case "connection-reset") (case "connection-aborted") (case "datagram-too-large") (case "other" 0)))
    (export (;2;) "error-code" (type 1))
    (type (;3;) (enum "ipv4" "ipv6"))
    (export (;4;) "ip-address-family" (type 3))
    (type (;5;) (resource (rep i32) (dtor 0)))
    (export (;6;) "tcp-socket" (type 5))
    (type (;7;) (own 6))
    (type (;8;) (result 7 (error 2)))
    (type (;9;) (func (param "address-family" 4) (result 8)))
    (type (;10;) (borrow 6))
    (type (;11;) (stream u8))
    (type (;12;) (result (error 2)))
    (type (;13;) (future 12))
    (type (;14;) (func (param "self" 10) (param "data" 11) (result 13)))
    (type (;15;) (own 6))
    (type (;16;) (stream 15))
    (type (;17;) (borrow 6))
    (type (;18;) (result 16 (error 2)))
    (type (;19;) (func (param "self" 17) (result 18)))
    (core func (;1;) (canon resource.new 6))
    (core func (;2;) (canon stream.drop-readable 11))
    (core func (;3;) (canon waitable-set.new))
    (core func (;4;) (canon waitable-set.poll (memory 0)))
    (core func (;5;) (canon future.drop-writable 13))
    (core func (;6;) (canon future.new 13))
    (core func (;7;) (canon future.write 13 (memory 0) async))
    (core func (;8;) (canon waitable.join))
    (core instance (;1;)
      (export "0" (func 1))
      (export "1" (func 2))
      (export "2" (func 3))
      (export "3" (func 4))
      (export "4" (func 5))
      (export "5" (func 6))
      (export "6" (func 7))
      (export "7" (func 8))
    )
    (core module (;1;)
      (type (;0;) (func (param i32 i32) (result i32)))
      (type (;1;) (func (param i32) (result i32)))
      (type (;2;) (func (param i32)))
      (type (;3;) (func (result i32)))
      (type (;4;) (func (result i64)))
      (type (;5;) (func (param i32 i32)))
      (import "s" "alloc" (func (;0;) (type 0)))
      (import "i" "0" (func (;1;) (type 1)))
      (import "i" "1" (func (;2;) (type 2)))
      (import "i" "2" (func (;3;) (type 3)))
      (import "i" "3" (func (;4;) (type 0)))
      (import "i" "4" (func (;5;) (type 2)))
      (import "i" "5" (func (;6;) (type 4)))
      (import "i" "6" (func (;7;) (type 0)))
      (import "i" "7" (func (;8;) (type 5)))
      (import "s" "m" (memory (;0;) 0))
      (export "0" (func 11))
      (export "1" (func 12))
      (export "2" (func 13))
      (func (;9;) (type 0) (param i32 i32) (result i32)
        i32.const 0
        i32.const 1
        i32.store8 offset=16
        local.get 1
        local.get 0
        i64.extend_i32_u
        i64.store offset=16 align=1
        i32.const 16
      )
      (func (;10;) (type 1) (param i32) (result i32)
        (local i64 i32 i32)
        i32.const 0
        i32.load offset=96 align=1
        i32.eqz
        if ;; label = @1
          i32.const 0
          call 3
          i32.store offset=96 align=1
        end
        loop ;; label = @1
          i32.const 0
          i32.load offset=96 align=1
          i32.const 104
          call 4
          if ;; label = @2
            i32.const 0
            i32.load offset=104 align=1
            call 5
            br 1 (;@1;)
          end
        end
        local.get 0
        i32.const 32
        i32.mul
        local.tee 2
        i32.const 1
        i32.store8 offset=1024
        local.get 2
        local.get 0
        i32.store8 offset=1028
        call 6
        local.tee 1
        i64.const 32
        i64.shr_u
        i32.wrap_i64
        local.tee 3
        local.get 2
        i32.const 1024
        i32.add
        call 7
        drop
        local.get 3
        i32.const 0
        i32.load offset=96 align=1
        call 8
        local.get 1
        i32.wrap_i64
      )
      (func (;11;) (type 1) (param i32) (result i32)
        (local i32)
        local.get 0
        i32.const 512
        call 0
        local.tee 1
        i32.eqz
        if ;; label = @1
          i32.const 3
          i32.const 4
          call 9
          return
        end
        i32.const 16
        local.get 1
        call 1
        i32.store offset=4
        i32.const 0
        i32.const 0
        i32.store8 offset=16
        i32.const 16
        return
        unreachable
      )
      (func (;12;) (type 0) (param i32 i32) (result i32)
        local.get 1
        call 2
        local.get 0
        i32.load8_u offset=1
        i32.const 1
        i32.eq
        if ;; label = @1
          i32.const 5
          call 10
          return
        end
        local.get 0
        i32.load8_u offset=1
        i32.const 2
        i32.eq
        if ;; label = @1
          local.get 0
          i32.load8_u offset=2
          call 10
          return
        end
        i32.const 5
        call 10
        return
        unreachable
      )
      (func (;13;) (type 1) (param i32) (result i32)
        local.get 0
        i32.load8_u offset=1
        i32.const 0
        i32.eq
        i32.eqz
        if ;; label = @1
          i32.const 5
          i32.const 4
          call 9
          return
        end
        local.get 0
        i32.const 2
        i32.store8 offset=1
        local.get 0
        i32.const 14
        i32.store8 offset=2
        i32.const 0
        i32.const 4
        call 9
        return
        unreachable
      )
    )
    (core instance (;2;) (instantiate 1
        (with "s" (instance 0))
        (with "i" (instance 1))
      )
    )
    (alias core export 2 "0" (core func (;9;)))
    (alias core export 2 "1" (core func (;10;)))
    (alias core export 2 "2" (core func (;11;)))
    (func (;0;) (type 9) (canon lift (core func 9) (memory 0)))
    (func (;1;) (type 14) (canon lift (core func 10) (memory 0)))
    (func (;2;) (type 19) (canon lift (core func 11) (memory 0)))
    (export (;3;) "[static]tcp-socket.create" (func 0))
    (export (;4;) "[method]tcp-socket.send" (func 1))
    (export (;5;) "[method]tcp-socket.listen" (func 2))
  )
  (instance (;0;) (instantiate 0))
  (component (;1;)
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
  (instance (;1;) (instantiate 1))
  (component (;2;)
    (type (;0;)
      (instance
        (type (;0;) (option string))
        (type (;1;) (variant (case "access-denied") (case "not-supported") (case "invalid-argument") (case "out-of-memory") (case "timeout") (case "invalid-state") (case "address-not-bindable") (case "address-in-use") (case "remote-unreachable") (case "connection-refused") (case "connection-broken") (case "connection-reset") (case "connection-aborted") (case "datagram-too-large") (case "other" 0)))
        (export (;2;) "error-code" (type (eq 1)))
        (type (;3;) (enum "ipv4" "ipv6"))
        (export (;4;) "ip-address-family" (type (eq 3)))
        (export (;5;) "tcp-socket" (type (sub resource)))
        (type (;6;) (own 5))
        (type (;7;) (result 6 (error 2)))
        (type (;8;) (func (param "address-family" 4) (result 7)))
        (export (;0;) "[static]tcp-socket.create" (func (type 8)))
        (type (;9;) (borrow 5))
        (type (;10;) (stream u8))
        (type (;11;) (result (error 2)))
        (type (;12;) (future 11))
        (type (;13;) (func (param "self" 9) (param "data" 10) (result 12)))
        (export (;1;) "[method]tcp-socket.send" (func (type 13)))
        (type (;14;) (own 5))
        (type (;15;) (stream 14))
        (type (;16;) (borrow 5))
        (type (;17;) (result 15 (error 2)))
        (type (;18;) (func (param "self" 16) (result 17)))
        (export (;2;) "[method]tcp-socket.listen" (func (type 18)))
      )
    )
    (import "wasi:sockets/types@0.3.2" (instance $types (;0;) (type 0)))
    (type (;1;)
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
    (import "wasi:sockets/ip-name-lookup@0.3.2" (instance (;1;) (type 1)))
  )
  (instance (;2;) (instantiate 2
      (with "wasi:sockets/types@0.3.2" (instance 0))
      (with "wasi:sockets/ip-name-lookup@0.3.2" (instance 1))
    )
  )
  (@custom "sockvirt:policy" "sockvirt 0.1.0 sha256:b364f3b6aad1f5629a291de8525055414ba9e33c4d12f6524ca1a2bb09db7f37/0aschema = 1/0a/0a[policy]/0adeny-as = /22access-denied/22/0adeny-at = /22operation/22/0alog = /22none/22/0a/0a[dns]/0amode = /22learn/22/0adeny-as = /22permanent-resolver-failure/22/0arange = /22198.18.0.0/15/22/0a/0a[loopback]/0amode = /22host/22/0a")
)

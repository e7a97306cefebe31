(component
  (import "wasi:io/streams@0.2.6" (instance $streams
    (export "input-stream" (type (sub resource)))))
  (import "wasi:sockets/tcp@0.2.6" (instance $tcp))
  (component $giver
    (import "wasi:io/streams@0.2.6" (instance $streams
      (export "input-stream" (type (sub resource)))))
    (alias export $streams "input-stream" (type $stream))
    (import "wasi:sockets/tcp@0.2.6" (instance))
    (core module $code (func (export "open") (result i32) i32.const 1))
    (core instance $code (instantiate $code))
    (alias core export $code "open" (core func $opened))
    (func $open (result (own $stream)) (canon lift (core func $opened)))
    (export "open" (func $open)))
  (component $taker
    (import "wasi:io/streams@0.2.6" (instance $streams
      (export "input-stream" (type (sub resource)))))
    (alias export $streams "input-stream" (type $stream))
    (import "wasi:sockets/tcp@0.2.6" (instance))
    (import "open" (func $open (result (own $stream))))
    (core func (canon lower (func $open))))
  (instance $giver (instantiate $giver
    (with "wasi:io/streams@0.2.6" (instance $streams))
    (with "wasi:sockets/tcp@0.2.6" (instance $tcp))))
  (alias export $giver "open" (func $open))
  (instance (instantiate $taker
    (with "wasi:io/streams@0.2.6" (instance $streams))
    (with "wasi:sockets/tcp@0.2.6" (instance $tcp))
    (with "open" (func $open))))
)

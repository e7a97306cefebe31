(component
  (import "wasi:io/streams@0.2.6" (instance $streams
    (export "output-stream" (type (sub resource)))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:sockets/tcp@0.2.6" (instance))
  (import "test:pkg/archive@1.0.0" (instance $archive
    (alias outer 1 $stream (type $stream0))
    (export "output-stream" (type $stream (eq $stream0)))
    (type $entry (record (field "name" string) (field "to" (option (borrow $stream)))))
    (export "entry" (type $named (eq $entry)))
    (export "pack" (func (param "entries" (list $named))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $m))
  (alias export $archive "pack" (func $pack))
  (core func (canon lower (func $pack) (memory $m)))
)

(component
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance (type $e (enum "a" "b")) (export "error-code" (type $error (eq $e))) (export "resolve-addresses" (func (param "name" string) (result (result u32 (error $error)))))))
)

(component
  (type $t (instance (type $d u64) (export "d" (type (eq $d)))))
  (import "x" (instance $x (type $t)))
  (component $c
    (type $t (instance (type $d u64) (export "d" (type (eq $d)))))
    (import "a" (instance (type $t)))
    (import "b" (instance (type $t))))
  (instance (instantiate $c (with "a" (instance $x)) (with "b" (instance $x)))))

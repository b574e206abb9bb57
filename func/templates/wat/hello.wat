;; Greets whoever the input names, by two calls of the host.
(module
  (import "env" "__faasm_read_input" (func $read_input (param $buffer i32) (param $size i32) (result i32)))
  (import "env" "__faasm_write_output" (func $write_output (param $bytes i32) (param $size i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "Hello World")

  (func (export "exec") (result i32)
    (local $size i32)
    ;; It copies no more than this, and gives the size of all of the input.
    (local.set $size (call $read_input (i32.const 6) (i32.const 1024)))
    (if (i32.eqz (local.get $size)) (then (local.set $size (i32.const 5))))
    (if (i32.gt_u (local.get $size) (i32.const 1024)) (then (local.set $size (i32.const 1024))))
    (call $write_output (i32.const 0) (i32.add (i32.const 6) (local.get $size)))
    (i32.const 0))) ;; The return value of the call: 0 for success.

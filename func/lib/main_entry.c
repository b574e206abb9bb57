/*
 * The entry of a program with main() whose constructors have to run before the snapshot: one with a zygote, or one
 * whose functions are called by pointer, in Faaslets where main() never runs.
 */
int __main_void(void);
void __wasm_call_dtors(void);

__attribute__((export_name("exec"))) int faasmMain(void) {
    int returnValue = __main_void();
    __wasm_call_dtors();
    return returnValue;
}

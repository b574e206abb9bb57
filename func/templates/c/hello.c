/*
 * Greets whoever the input names. Standard input is the input of the call, and standard output its output;
 * faasm/core.h has state and calls of other functions.
 */

#include <stdio.h>

int main(void) {
    char name[1024];
    size_t size = fread(name, 1, sizeof(name), stdin);

    printf("Hello %.*s", size > 0 ? (int)size : 5, size > 0 ? name : "World");
    return 0; /* The return value of the call: 0 for success. */
}

/*
 * An ordinary C program is a function too: standard input is the input, standard output the output,
 * and what main() returns is the return value.
 *
 *   curl -d 'quiet words' localhost:8001/f/demo/upper
 *   QUIET WORDS
 */

#include <ctype.h>
#include <stdio.h>

int main(void) {
    for (int c; (c = getchar()) != EOF;) putchar(toupper(c));
    return 0;
}

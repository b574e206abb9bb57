/*
 * The streams of the standard library, whose own build has no catch clauses: here what a buffer throws sets badbit, and
 * is thrown on where the stream was told so.
 */
#include <istream>
#include <ostream>

template class std::basic_istream<char>;
template class std::basic_ostream<char>;

/* What such a clause calls, linked in its place by --wrap. */
extern "C" {

void __real__ZNSt3__28ios_base33__set_badbit_and_consider_rethrowEv(std::ios_base* stream);

void __wrap__ZNSt3__28ios_base33__set_badbit_and_consider_rethrowEv(std::ios_base* stream) {
    __real__ZNSt3__28ios_base33__set_badbit_and_consider_rethrowEv(stream);
    if (stream->exceptions() & std::ios_base::badbit) throw;
}
}

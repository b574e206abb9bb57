/* What the input says is thrown, and caught by nobody. */
#include <stdexcept>
#include <string>

#include "faasm/faasm.h"

namespace shop {
struct SoldOut : std::runtime_error {
    using std::runtime_error::runtime_error;
};
}  // namespace shop

static void never() noexcept { throw std::logic_error("out of a noexcept function"); }

int faasm::exec(FaasmMemory* memory) {
    auto what = memory->getInput<std::string>();
    if (what == "standard") throw std::runtime_error("boom");
    if (what == "own") throw shop::SoldOut("no more tea");
    if (what == "number") throw 42;
    if (what == "library") return std::stoi("none");
    if (what == "noexcept") never();
    if (what == "handler") {
        std::set_terminate([] { std::fputs("my own handler", stderr); std::abort(); });
        throw 1;
    }
    memory->setOutput("nothing thrown");
    return 0;
}

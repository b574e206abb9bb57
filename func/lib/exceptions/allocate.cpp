/* Memory for exceptions. To throw std::bad_alloc takes some, so a little is kept aside. */
#include <cstdlib>
#include <cstring>

#include "thrown.h"

namespace {

constexpr std::size_t reservedSize = 256;
constexpr int reservedCount = 8;

struct alignas(std::max_align_t) Reserved {
    char bytes[reservedSize];
};

Reserved reserved[reservedCount];
bool taken[reservedCount];

void* takeReserved(std::size_t size) {
    if (size > reservedSize) return nullptr;
    for (int at = 0; at < reservedCount; at++) {
        if (taken[at]) continue;
        taken[at] = true;
        return std::memset(&reserved[at], 0, reservedSize);
    }
    return nullptr;
}

}  // namespace

void* faasm::allocate(std::size_t size) {
    void* memory = std::calloc(1, size);
    return memory != nullptr ? memory : takeReserved(size);
}

void faasm::release(void* memory) {
    auto* slot = static_cast<Reserved*>(memory);
    if (slot >= reserved && slot < reserved + reservedCount) taken[slot - reserved] = false;
    else std::free(memory);
}

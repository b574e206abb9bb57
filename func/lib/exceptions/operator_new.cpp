/* operator new that throws: in a module with exceptions it takes the place of the one that ends the program. */
#include <cstdlib>
#include <new>

namespace {

template <class Allocate>
void* allocateOrThrow(Allocate allocate) {
    for (;;) {
        if (void* memory = allocate()) return memory;
        std::new_handler handler = std::get_new_handler();
        if (handler == nullptr) throw std::bad_alloc();
        handler();
    }
}

template <class New>
void* orNothing(New make) noexcept {
    try {
        return make();
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

void* operator new(std::size_t size) {
    return allocateOrThrow([size] { return std::malloc(size == 0 ? 1 : size); });
}

void* operator new(std::size_t size, std::align_val_t alignment) {
    auto multiple = static_cast<std::size_t>(alignment);
    if (multiple < sizeof(void*)) multiple = sizeof(void*);
    std::size_t rounded = (size == 0 ? multiple : size + multiple - 1) & ~(multiple - 1);
    if (rounded < size) throw std::bad_alloc();
    return allocateOrThrow([=] { return std::aligned_alloc(multiple, rounded); });
}

void* operator new[](std::size_t size) { return ::operator new(size); }

void* operator new[](std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return orNothing([=] { return ::operator new(size); });
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return orNothing([=] { return ::operator new[](size); });
}

void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return orNothing([=] { return ::operator new(size, alignment); });
}

void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return orNothing([=] { return ::operator new[](size, alignment); });
}

/* What the language says of exceptions: what catches what, what is destroyed and when, and what is thrown again. */
#include <csetjmp>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <stdexcept>
#include <typeinfo>

#include "check.h"

struct Counted {
    static int alive;
    int id;
    explicit Counted(int id = 0) : id(id) { alive++; }
    Counted(const Counted& other) : id(other.id) { alive++; }
    ~Counted() { alive--; }
};
int Counted::alive = 0;

struct Left {
    int left = 1;
    virtual ~Left() {}
};
struct Right {
    int right = 2;
    virtual ~Right() {}
};
struct Both : Left, Right {};
struct VirtualOne : virtual Left {
    int one = 3;
};
struct VirtualTwo : virtual Left {
    int two = 4;
};
struct Diamond : VirtualOne, VirtualTwo {};
struct Hidden : private Left {};
struct FirstLeft : Left {};
struct SecondLeft : Left {};
struct Ambiguous : FirstLeft, SecondLeft {};
enum class Color { red, green };

static void whatCatches() {
    try { throw Both(); } catch (Right& caught) { CHECK(caught.right == 2); }
    try { throw Both(); } catch (Left caught) { CHECK(caught.left == 1); }
    Both both;
    try { throw &both; } catch (Right* caught) { CHECK(caught == static_cast<Right*>(&both)); }
    try { throw Diamond(); } catch (Left& caught) { CHECK(caught.left == 1); }
    try { throw Diamond(); } catch (VirtualTwo& caught) { CHECK(caught.two == 4); }
    try { throw Hidden(); } catch (Left&) { CHECK(false); } catch (Hidden&) { CHECK(true); }
    try { throw Ambiguous(); } catch (Left&) { CHECK(false); } catch (...) { CHECK(true); }
    try { throw Color::green; } catch (int) { CHECK(false); } catch (Color color) { CHECK(color == Color::green); }
    try { throw 1.5; } catch (float) { CHECK(false); } catch (double number) { CHECK(number == 1.5); }
    try { throw 1LL << 40; } catch (long) { CHECK(false); } catch (long long number) { CHECK(number == 1LL << 40); }
    try { throw "text"; } catch (const char* text) { CHECK(std::strcmp(text, "text") == 0); }
    int number = 7;
    try { throw &number; } catch (const int* pointer) { CHECK(*pointer == 7); }
    try { throw &number; } catch (void* pointer) { CHECK(pointer == &number); }
    try { throw nullptr; } catch (int* pointer) { CHECK(pointer == nullptr); }
    try { throw &Left::left; } catch (int Left::* member) { CHECK(member == &Left::left); }
    try { throw whatCatches; } catch (void (*function)()) { CHECK(function == whatCatches); }
}

static int deep(int n) {
    Counted here(n);
    if (n == 0) throw 42;
    return deep(n - 1) + 1;
}

struct Members {
    Counted one{1}, two{2};
    Members() { throw std::logic_error("constructor"); }
};
struct TriesToConstruct {
    Counted member;
    explicit TriesToConstruct(int n) try : member(n) { throw n; } catch (int caught) { throw caught + 0.5; }
};
static int triesToReturn(int n) try { throw n; } catch (int caught) { return caught + 1; }

struct ThrowsAtItsEnd {
    ~ThrowsAtItsEnd() noexcept(false) { throw 5; }
};
struct Fourth {
    static int made, alive;
    Fourth() {
        if (++made == 4) throw made;
        alive++;
    }
    ~Fourth() { alive--; }
};
int Fourth::made = 0, Fourth::alive = 0;

static void whatIsDestroyed() {
    CHECK(throws<int>([] { deep(20); }) && Counted::alive == 0);
    CHECK(throws<std::logic_error>([] { Members members; }) && Counted::alive == 0);
    CHECK(throws<double>([] { TriesToConstruct tries(3); }) && Counted::alive == 0);
    CHECK(triesToReturn(4) == 5);
    CHECK(throws<int>([] { ThrowsAtItsEnd ends; }));
    CHECK(throws<int>([] { std::unique_ptr<Fourth[]> all(new Fourth[8]); }) && Fourth::alive == 0);
}

struct CountsUncaught {
    int& count;
    ~CountsUncaught() { count = std::uncaught_exceptions(); }
};

static void whatIsThrownAgain() {
    int steps = 0;
    try {
        try { throw Counted(9); } catch (Counted& caught) { caught.id = 10; steps++; throw; }
    } catch (Counted& caught) { CHECK(caught.id == 10 && steps == 1); }
    CHECK(Counted::alive == 0);
    try {
        try { throw 1; } catch (int) { throw 2.0; }
    } catch (double number) { CHECK(number == 2.0); }
    try { throw Counted(1); } catch (Counted& outer) {
        try { throw Counted(2); } catch (Counted& inner) { CHECK(outer.id == 1 && inner.id == 2); }
        CHECK(Counted::alive == 1 && std::current_exception() != nullptr);
    }
    CHECK(Counted::alive == 0 && std::current_exception() == nullptr);
    int uncaught = -1;
    try { CountsUncaught counts{uncaught}; throw 1; } catch (int) {}
    CHECK(uncaught == 1 && std::uncaught_exceptions() == 0);
    std::string_view text;
    try {
        try { throw std::runtime_error("inner"); } catch (...) { std::throw_with_nested(std::logic_error("outer")); }
    } catch (std::logic_error& outer) {
        try { std::rethrow_if_nested(outer); } catch (std::runtime_error& inner) { text = "inner"; CHECK(inner.what() == text); }
    }
    CHECK(text == "inner");
}

static void exceptionsAsValues() {
    std::exception_ptr kept;
    try { throw Counted(5); } catch (...) { kept = std::current_exception(); }
    CHECK(Counted::alive == 1);
    for (int time = 0; time < 3; time++) {
        try { std::rethrow_exception(kept); } catch (Counted& caught) { CHECK(caught.id == 5); }
    }
    try { std::rethrow_exception(kept); } catch (Counted& one) {
        try { std::rethrow_exception(kept); } catch (Counted& two) { CHECK(&one == &two && std::current_exception() == kept); }
        try { throw; } catch (Counted& again) { CHECK(&again == &one); }
    }
    kept = nullptr;
    CHECK(Counted::alive == 0);
    auto made = std::make_exception_ptr(Counted(6));
    CHECK(throws<Counted>([&] { std::rethrow_exception(made); }));
    made = nullptr;
    CHECK(Counted::alive == 0);
}

static void whatTheLanguageThrows() {
    Left left;
    CHECK(throws<std::bad_cast>([&] { (void)dynamic_cast<Both&>(left); }));
    CHECK(throws<std::bad_typeid>([] { Left* none = nullptr; (void)typeid(*none).name(); }));
    static int tries = 0;
    auto value = [] { static int kept = [] { if (++tries < 3) throw tries; return 99; }(); return kept; };
    CHECK(throws<int>(value) && throws<int>(value) && value() == 99);
    struct Node { Node* next; };
    Node* nodes = nullptr;
    CHECK(throws<std::bad_alloc>([&] { for (;;) nodes = new Node{nodes}; }));
    while (nodes != nullptr) delete std::exchange(nodes, nodes->next);
    CHECK(new (std::nothrow) char[0x7fffff00] == nullptr);
}

static std::jmp_buf back;

static void jumpsAmongThem() {
    volatile int phase = 0;
    try {
        if (setjmp(back) == 0) {
            try { phase = 1; std::longjmp(back, 1); } catch (...) { CHECK(false); }
        }
        phase = phase + 1;
        throw std::runtime_error("after the jump");
    } catch (std::exception& caught) { CHECK(std::strcmp(caught.what(), "after the jump") == 0); }
    CHECK(phase == 2);
    volatile int caught = 0;
    if (setjmp(back) == 0) {
        try { throw 1; } catch (int) { caught = caught + 1; }
        std::longjmp(back, 1);
    }
    CHECK(caught == 1);
}

static void manyOfThem() {
    for (int n = 0; n < 100'000; n++) {
        try { throw std::runtime_error("a text that is longer than what fits without an allocation"); } catch (const std::exception&) {}
    }
    CHECK(std::uncaught_exceptions() == 0);
}

int main() {
    whatCatches();
    whatIsDestroyed();
    whatIsThrownAgain();
    exceptionsAsValues();
    whatTheLanguageThrows();
    jumpsAmongThem();
    manyOfThem();
    std::printf("%d held, %d failed", held, failed);
}

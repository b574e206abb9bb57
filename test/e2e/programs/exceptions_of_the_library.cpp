/* What the standard library throws, from its headers and from the code that is linked. */
#include <any>
#include <bitset>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <variant>
#include <vector>

#include "check.h"

static void numbers() {
    CHECK(throws<std::invalid_argument>([] { (void)std::stoi("x"); }));
    CHECK(throws<std::out_of_range>([] { (void)std::stoi("99999999999999"); }));
    CHECK(throws<std::out_of_range>([] { (void)std::stod("1e999"); }));
    try { (void)std::stoi("x"); } catch (const std::exception& caught) { CHECK(std::string(caught.what()) == "stoi: no conversion"); }
    CHECK(throws<std::out_of_range>([] { std::bitset<4> bits; bits.set(9); }));
    CHECK(throws<std::invalid_argument>([] { std::bitset<4> bits("12"); }));
}

static void containers() {
    std::vector<int> list{1};
    CHECK(throws<std::out_of_range>([&] { (void)list.at(5); }));
    CHECK(throws<std::length_error>([&] { list.reserve(static_cast<std::size_t>(-1)); }));
    static std::vector<char> large;
    CHECK(throws<std::bad_alloc>([] { large.resize(0x7fffff00); }));
    CHECK(throws<std::out_of_range>([] { (void)std::map<int, int>().at(1); }));
    CHECK(throws<std::out_of_range>([] { (void)std::unordered_map<int, int>().at(1); }));
    CHECK(throws<std::out_of_range>([] { (void)std::deque<int>().at(1); }));
    std::string text = "abc";
    CHECK(throws<std::out_of_range>([&] { (void)text.substr(9); }));
    CHECK(throws<std::out_of_range>([&] { (void)text.at(9); }));
    CHECK(throws<std::out_of_range>([&] { text.insert(9, "x"); }));
    CHECK(throws<std::out_of_range>([&] { text.replace(9, 1, "x"); }));
    CHECK(throws<std::length_error>([&] { text.append(text.max_size(), 'x'); }));
}

static void values() {
    CHECK(throws<std::bad_optional_access>([] { (void)std::optional<int>().value(); }));
    CHECK(throws<std::bad_variant_access>([] { (void)std::get<double>(std::variant<int, double>(1)); }));
    CHECK(throws<std::bad_any_cast>([] { (void)std::any_cast<double>(std::any(1)); }));
    CHECK(throws<std::bad_function_call>([] { std::function<void()>()(); }));
    CHECK(throws<std::bad_weak_ptr>([] { std::shared_ptr<int> strong{std::weak_ptr<int>()}; }));
    try { std::regex expression("[z-a]"); CHECK(false); } catch (const std::regex_error& caught) { CHECK(caught.code() == std::regex_constants::error_range); }
}

static void files() {
    namespace fs = std::filesystem;
    CHECK(throws<fs::filesystem_error>([] { (void)fs::file_size("/none"); }));
    CHECK(throws<fs::filesystem_error>([] { fs::directory_iterator entries("/none"); }));
    try {
        fs::rename("/none", "/other");
        CHECK(false);
    } catch (const fs::filesystem_error& caught) {
        CHECK(caught.path1() == "/none" && caught.path2() == "/other" && caught.code() == std::errc::no_such_file_or_directory);
    }
}

struct Broken : std::streambuf {
    int overflow(int) override { throw std::runtime_error("overflow"); }
    int underflow() override { throw std::runtime_error("underflow"); }
};

static void streams() {
    CHECK(throws<std::ios_base::failure>([] { std::ifstream file; file.exceptions(std::ios::failbit); file.open("/none"); }));
    CHECK(throws<std::ios_base::failure>([] { std::istringstream text("x"); text.exceptions(std::ios::failbit); int n; text >> n; }));
    try {
        std::istringstream text("");
        text.exceptions(std::ios::eofbit);
        std::string line;
        std::getline(text, line);
        CHECK(false);
    } catch (const std::system_error& caught) { CHECK(caught.code() == std::io_errc::stream); }
    Broken buffer;
    std::ostream out(&buffer);
    out << 12345;
    CHECK(out.bad());
    out.clear();
    out.exceptions(std::ios::badbit);
    CHECK(throws<std::runtime_error>([&] { out << 1; }));
    std::istream in(&buffer);
    CHECK(in.get() == EOF && in.bad());
    in.clear();
    in.exceptions(std::ios::badbit);
    CHECK(throws<std::runtime_error>([&] { in.get(); }));
}

static void futures() {
    CHECK(throws<std::future_error>([] { std::promise<int> once; once.set_value(1); once.set_value(2); }));
    try {
        std::future<int> broken = std::promise<int>().get_future();
        (void)broken.get();
        CHECK(false);
    } catch (const std::future_error& caught) { CHECK(caught.code() == std::future_errc::broken_promise); }
    std::promise<int> failing;
    failing.set_exception(std::make_exception_ptr(7));
    CHECK(throws<int>([&] { (void)failing.get_future().get(); }));
    std::packaged_task<int()> task([]() -> int { throw 3; });
    task();
    CHECK(throws<int>([&] { (void)task.get_future().get(); }));
}

int main() {
    numbers();
    containers();
    values();
    files();
    streams();
    futures();
    std::printf("%d held, %d failed", held, failed);
}

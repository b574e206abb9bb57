/* Numbers of long double, as C++ prints and reads them. */
#include <iostream>
#include <sstream>
#include <string>

int main() {
    std::istringstream in("1.25");
    long double number;
    in >> number;
    std::cout.precision(21);
    std::cout << number / 3 << " " << std::to_string(number) << " " << std::stold("0.5") << "\n";
}

// A program in C++ against the installed headers: what the library says of itself, from a broker that listens.
#include <roomcast.hpp>

#include <iostream>

int main() {
    auto broker = roomcast::broker::make().or_throw();
    broker.listen("127.0.0.1", 0).or_throw();
    std::cout << "roomcast " << roomcast::version() << std::endl;
}

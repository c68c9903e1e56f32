#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/problem.hpp"

namespace parley::admin {

// A value of the file with its place: what the schema reads. toml11 itself is seen by document.cpp only (7 s to
// compile).
struct Member;

struct Node {
    enum class Kind { string, integer, real, boolean, datetime, array, table };
    Kind kind = Kind::table;
    std::string text;             // of a string
    std::int64_t number = 0;      // of an integer
    bool too_big = false;         // an integer beyond 64 bits
    bool flag = false;            // of a boolean
    std::vector<Node> items;      // of an array
    std::vector<Member> members;  // of a table, in the order of the file
    Place place;                  // of the value
    Place key;                    // of the key that names it; line 0 for an item of an array

    const Node* find(std::string_view name) const;
};

struct Member {
    std::string name;
    Node node;
};

struct Document {
    Node root;
    std::vector<std::string> lines;
    std::vector<Problem> problems;  // of syntax
    bool usable = true;             // false: `root` is empty

    std::string line(std::size_t number) const;
};

Document parse_document(std::string_view text);

}  // namespace parley::admin

#include "server/s2s/dialback_key.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"
#include "xml/writer.hpp"

namespace parley::server {

std::string dialback_key(std::string_view secret, std::string_view receiving, std::string_view originating,
                         std::string_view stream_id) {
    std::string text(receiving);
    text += ' ';
    text += originating;
    text += ' ';
    text += stream_id;
    return hex_encode(hmac_sha256(hex_encode(sha256(secret)), text));
}

std::string answer_about_key(std::string_view secret, std::string_view asking, std::string_view ours,
                             std::string_view id, std::string_view key) {
    std::string out = "<db:verify";
    xml::write_attribute(out, "from", ours);
    xml::write_attribute(out, "to", asking);
    xml::write_attribute(out, "id", id);
    return out + (dialback_key(secret, asking, ours, id) == trim(key) ? " type='valid'/>" : " type='invalid'/>");
}

}  // namespace parley::server

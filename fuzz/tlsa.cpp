// TLSA records: whoever publishes them chooses every byte. An input is records, each two bytes of length and its bytes;
// the certificates that they are compared with are made of the data of the first.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/dane.hpp"
#include "net/tls_context.hpp"

namespace {

using namespace parley;

void must(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto context = *net::TlsContext::load({.trust_system = false});
    if (size > 8192) return 0;
    std::string_view input{reinterpret_cast<const char*>(data), size};
    std::vector<net::TlsaRecord> records;
    while (input.size() > 2 && records.size() < 20) {
        const auto wanted =
            static_cast<std::size_t>(static_cast<unsigned char>(input[0]) << 8 | static_cast<unsigned char>(input[1]));
        const auto rdata = input.substr(2, wanted);
        input.remove_prefix(2 + rdata.size());
        auto record = net::parse_tlsa(rdata);
        must(record.has_value() == (rdata.size() > 3));
        if (!record) continue;
        must(record->data == rdata.substr(3));
        must(net::to_string(*record).size() >= 6 + 2 * (rdata.size() - 3));
        records.push_back(*std::move(record));
    }
    std::vector<std::string> shown;
    for (const auto& record : records) shown.push_back(record.data);
    const auto usable = net::usable(records);
    const auto verdict = net::check_tlsa(usable, shown, *context, false);
    must(!verdict.matches || !usable.empty());
    const auto* only = records.size() == 1 && usable.size() == 1 ? &records.front() : nullptr;
    if (only != nullptr && only->usage == net::tlsa_dane_ee && only->selector == 0 && only->matching == 0)
        must(verdict.matches || verdict.detail != "none of its TLSA records matches");
    if (const auto own = net::tlsa_for_key_of(shown.empty() ? "" : shown.front())) must(net::is_usable(*own));
    return 0;
}

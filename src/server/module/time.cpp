#include <ctime>

#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

void entity_time(const IqRequest& request) {
    const auto seconds = std::chrono::system_clock::to_time_t(request.shard.clock().wall());
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char utc[32];
    std::strftime(utc, sizeof utc, "%Y-%m-%dT%H:%M:%SZ", &parts);
    xml::Element time(xmpp::ns::time, "time");
    time.add(xml::Element(xmpp::ns::time, "tzo")).add_text("+00:00");
    time.add(xml::Element(xmpp::ns::time, "utc")).add_text(utc);
    request.answer(std::move(time));
}

}  // namespace parley::server

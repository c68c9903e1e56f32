#pragma once

#include <memory>

#include "xml/element.hpp"

namespace parley::server {

class Session;
class Shard;

// A stanza that a client sent on its bound stream: from here it is checked, stamped, acted upon and routed.
void receive_stanza(Shard& shard, const std::shared_ptr<Session>& session, xml::Element element);

}  // namespace parley::server

#pragma once

#include <filesystem>
#include <memory>
#include <variant>

#include "admin/control_protocol.hpp"
#include "apps/parleyctl/output.hpp"

namespace parley::ctl {

// A way to have acts carried out: by the daemon over its socket, or, when none runs, by this process on the node's
// store.
class NodeLink {
public:
    virtual ~NodeLink() = default;
    // Blocks until the answer is there. An error is an exit code with its sentence.
    struct Failure {
        ExitCode code;
        admin::Message message;
    };
    virtual std::variant<admin::Response, Failure> ask(admin::Act act) = 0;
};

using Linked = std::variant<std::unique_ptr<NodeLink>, NodeLink::Failure>;

struct LinkOptions {
    std::filesystem::path directory;
    int timeout_seconds = 30;
};
// The daemon if it answers; else the store itself, if nobody holds it and `offline` allows it. The store's lock
// decides: an act never reaches a store that a daemon has open.
Linked link_to_node(const LinkOptions& options, bool offline, admin::Language language);

Linked link_to_daemon(const LinkOptions& options);
Linked link_to_store(const LinkOptions& options, admin::Language language);

}  // namespace parley::ctl

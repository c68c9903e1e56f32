#include "sofia.hpp"

#include <cstring>
#include <memory>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

namespace parley::differential {
namespace {

struct Destroy {
    void operator()(msg_t* message) const noexcept { msg_destroy(message); }
};

std::string text(const char* c) {
    return c ? c : "";
}

}  // namespace

std::optional<Facts> read_with_sofia(std::string_view bytes, std::string* why) {
    const auto refuse = [why](std::string reason) {
        if (why) *why = std::move(reason);
        return std::optional<Facts>{};
    };
    const std::unique_ptr<msg_t, Destroy> message{msg_create(sip_default_mclass(), 0)};
    msg_maxsize(message.get(), 256 * 1024);  // without it a large Content-Length trips an assertion of the library
    const auto size = static_cast<usize_t>(bytes.size());
    void* buffer = msg_buf_alloc(message.get(), size + 1);
    if (!buffer) return {};
    std::memcpy(buffer, bytes.data(), bytes.size());
    msg_buf_commit(message.get(), size, 1);
    if (msg_extract(message.get()) <= 0) return refuse("framing");
    const sip_t* sip = sip_object(message.get());
    if (!sip || (!sip->sip_request && !sip->sip_status)) return refuse("start line");
    if (sip->sip_error) return refuse("a header");
    if (sip->sip_flags & MSG_FLG_ERROR) return refuse("flag");
    if (sip_sanity_check(sip) != 0) return refuse("sanity");
    if (!sip->sip_call_id || !sip->sip_from || !sip->sip_to || !sip->sip_cseq || !sip->sip_via) return refuse("sanity");
    Facts facts;
    if (sip->sip_request) facts.method = text(sip->sip_request->rq_method_name);
    if (sip->sip_status) facts.status = sip->sip_status->st_status;
    facts.call_id = text(sip->sip_call_id->i_id);
    facts.from_tag = text(sip->sip_from->a_tag);
    facts.to_tag = text(sip->sip_to->a_tag);
    facts.branch = text(sip->sip_via->v_branch);
    facts.cseq = sip->sip_cseq->cs_seq;
    facts.cseq_method = text(sip->sip_cseq->cs_method_name);
    facts.body = sip->sip_payload ? sip->sip_payload->pl_len : 0;
    return facts;
}

}  // namespace parley::differential

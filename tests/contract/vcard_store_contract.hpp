#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class VcardStoreContract : public StoreContract {
protected:
    std::string load(std::string_view user) {
        return wait<std::string>([&](auto done) { stores_->vcards().load(jid(user), std::move(done)); }).value();
    }
    Result<void> put(std::string_view user, const std::string& vcard) {
        return wait([&](auto done) { stores_->vcards().put(jid(user), vcard, std::move(done)); });
    }
};

TEST_P(VcardStoreContract, IsEmptyUntilPutAndKeepsTheNewest) {
    EXPECT_EQ(load("alice@example.com"), "");
    ASSERT_TRUE(put("alice@example.com", "<vCard><FN>A</FN></vCard>"));
    const std::string large = "<vCard><PHOTO>" + std::string(60'000, 'A') + "</PHOTO></vCard>";
    ASSERT_TRUE(put("alice@example.com/desk", large));
    EXPECT_EQ(load("alice@example.com"), large) << "a full JID means its user";
    EXPECT_EQ(load("bob@example.com"), "");
    reopen();
    EXPECT_EQ(load("alice@example.com/phone"), large);
}

}  // namespace parley::test

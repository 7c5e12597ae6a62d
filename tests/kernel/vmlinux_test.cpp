// The kernel's types that bpf/vmlinux.h declares by hand, against those of the running kernel.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wsbpf.skel.h"

namespace wsbpf::kernel_test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

using BtfPointer = std::unique_ptr<btf, decltype(&btf__free)>;

// A type in its type information.
struct Type {
  const btf* types = nullptr;
  uint32_t id = 0;

  const btf_type* raw() const { return btf__type_by_id(types, id); }
  std::string name_at(uint32_t offset) const { return btf__name_by_offset(types, offset); }
  std::string name() const { return name_at(raw()->name_off); }
  Type of(uint32_t other_id) const { return {types, other_id}; }
  bool is_composite() const { return btf_is_composite(raw()); }
};

struct Member {
  Type type;
  uint32_t bits = 0;  // of a bitfield, else 0
};

// Without typedefs, const, volatile and tags.
Type plain(Type type) {
  while (type.id != 0 &&
         (btf_is_mod(type.raw()) || btf_is_typedef(type.raw()) || btf_is_type_tag(type.raw()))) {
    type.id = type.raw()->type;
  }
  return type;
}

// CO-RE ignores what follows three underscores: "sock___old" is a variant of sock.
std::string without_flavour(const std::string& name) { return name.substr(0, name.find("___")); }

template <typename Visit>
void each_member(const Type& composite, Visit visit) {
  for (uint32_t i = 0; i < btf_vlen(composite.raw()); ++i) {
    const btf_member& member = btf_members(composite.raw())[i];
    visit(composite.name_at(member.name_off),
          Member{composite.of(member.type), btf_member_bitfield_size(composite.raw(), i)});
  }
}

// Also looks into anonymous structs and unions, as C does. An id of 0: there is none.
Member find_member(const Type& composite, const std::string& wanted) {
  Member found;
  each_member(composite, [&](const std::string& name, const Member& member) {
    if (found.type.id != 0) return;
    if (name == wanted) {
      found = member;
    } else if (name.empty() && plain(member.type).is_composite()) {
      found = find_member(plain(member.type), wanted);
    }
  });
  return found;
}

class Comparison {
 public:
  explicit Comparison(const btf* kernel) : kernel_(kernel) {}

  // Every struct and union of `ours` that claims to be the kernel's.
  void compare_all(const btf* ours) {
    for (uint32_t id = 1; id < btf__type_cnt(ours); ++id) {
      const Type type{ours, id};
      if (type.is_composite() && !type.name().empty() && !is_our_own(type.name())) {
        compare_named(type);
      }
    }
  }

  const std::vector<std::string>& complaints() const { return complaints_; }
  size_t members() const { return members_; }

 private:
  static bool is_our_own(std::string_view name) {
    return name.starts_with("wsbpf_") || name.starts_with("websocket_") || name == "clock_sample";
  }

  void compare_named(const Type& ours) {
    const std::string name = without_flavour(ours.name());
    const int id = btf__find_by_name_kind(kernel_, name.c_str(), btf_kind(ours.raw()));
    if (id < 0) {
      complaints_.push_back(name + ": the kernel has no such type");
    } else {
      compare_members(ours, {kernel_, static_cast<uint32_t>(id)}, name);
    }
  }

  void compare_members(const Type& ours, const Type& theirs, const std::string& path) {
    each_member(ours, [&](const std::string& name, const Member& member) {
      if (name.empty()) return compare_members(plain(member.type), theirs, path);
      ++members_;
      const std::string member_path = path + "." + name;
      const Member their_member = find_member(theirs, name);
      if (their_member.type.id == 0) {
        complaints_.push_back(member_path + ": the kernel has no such member");
      } else if (member.bits != their_member.bits) {
        complaints_.push_back(member_path + ": a bitfield here or there");
      } else {
        compare_types(plain(member.type), plain(their_member.type), member_path);
      }
    });
  }

  void compare_types(const Type& ours, const Type& theirs, const std::string& path) {
    if (btf_kind(ours.raw()) != btf_kind(theirs.raw())) {
      complaints_.push_back(path + ": another kind of type");
    } else if (ours.is_composite()) {
      compare_composites(ours, theirs, path);
    } else if (btf_is_array(ours.raw())) {
      const struct btf_array* our_array = btf_array(ours.raw());
      const struct btf_array* their_array = btf_array(theirs.raw());
      if (our_array->nelems != their_array->nelems) complaints_.push_back(path + ": other length");
      compare_types(plain(ours.of(our_array->type)), plain(theirs.of(their_array->type)), path);
    } else if (btf_is_ptr(ours.raw())) {
      const std::string our_target = name_of_target(ours), their_target = name_of_target(theirs);
      if (our_target != their_target) {
        complaints_.push_back(path + ": points to " + their_target + ", not to " + our_target);
      }
    } else if (btf__resolve_size(ours.types, ours.id) !=
               btf__resolve_size(theirs.types, theirs.id)) {
      complaints_.push_back(path + ": another size");
    }
  }

  // Ours is a part of the kernel's: sizes differ. A named one is compared by itself.
  void compare_composites(const Type& ours, const Type& theirs, const std::string& path) {
    if (ours.name().empty()) {
      compare_members(ours, theirs, path);
    } else if (without_flavour(ours.name()) != theirs.name()) {
      complaints_.push_back(path + ": is a " + theirs.name() + ", not a " + ours.name());
    }
  }

  static std::string name_of_target(const Type& pointer) {
    const Type target = plain(pointer.of(pointer.raw()->type));
    return target.id == 0 ? "void" : without_flavour(target.name());
  }

  const btf* kernel_;
  std::vector<std::string> complaints_;
  size_t members_ = 0;
};

class Vmlinux : public testing::Test {
 protected:
  void SetUp() override {
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
      GTEST_SKIP() << "this kernel offers no type information";
    }
    kernel_.reset(btf__load_vmlinux_btf());
    ASSERT_NE(kernel_, nullptr);
  }

  // Type information with one struct of one member, as if it had been declared by hand.
  static BtfPointer with_member(const char* struct_name, const char* name, int bytes) {
    BtfPointer made(btf__new_empty(), btf__free);
    const int type = btf__add_int(made.get(), "number", bytes, 0);
    btf__add_struct(made.get(), struct_name, bytes);
    btf__add_field(made.get(), name, type, 0, 0);
    return made;
  }

  std::vector<std::string> complaints_about(const BtfPointer& ours) const {
    Comparison comparison(kernel_.get());
    comparison.compare_all(ours.get());
    return comparison.complaints();
  }

  BtfPointer kernel_{nullptr, btf__free};
};

TEST_F(Vmlinux, EveryMemberExistsInTheRunningKernel) {
  size_t size = 0;
  const void* elf = wsbpf_bpf__elf_bytes(&size);
  const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> object(
      bpf_object__open_mem(elf, size, nullptr), bpf_object__close);
  ASSERT_NE(object, nullptr);
  const btf* ours = bpf_object__btf(object.get());
  ASSERT_NE(ours, nullptr);
  for (const char* name : {"sock_common", "tcp_sock", "task_struct", "bpf_iter__tcp",
                           "request_sock", "sk_buff", "net_device", "__sk_buff"}) {
    EXPECT_GT(btf__find_by_name_kind(ours, name, BTF_KIND_STRUCT), 0) << name;
  }
  Comparison comparison(kernel_.get());
  comparison.compare_all(ours);
  EXPECT_THAT(comparison.complaints(), IsEmpty());
  EXPECT_GT(comparison.members(), 60u);
}

TEST_F(Vmlinux, AcceptsWhatIsThere) {
  EXPECT_THAT(complaints_about(with_member("sock", "sk_err", 4)), IsEmpty());
  EXPECT_THAT(complaints_about(with_member("sock___5_15", "sk_err", 4)), IsEmpty());
  // In the kernel this one lies in a union in a struct, both without a name.
  EXPECT_THAT(complaints_about(with_member("sock_common", "skc_dport", 2)), IsEmpty());
  EXPECT_THAT(complaints_about(with_member("wsbpf_header", "anything", 4)), IsEmpty());
}

TEST_F(Vmlinux, ComplainsOfAnUnknownStruct) {
  EXPECT_THAT(complaints_about(with_member("sock_that_never_was", "sk_err", 4)),
              Contains("sock_that_never_was: the kernel has no such type"));
}

TEST_F(Vmlinux, ComplainsOfAnUnknownMember) {
  EXPECT_THAT(complaints_about(with_member("sock", "sk_that_never_was", 4)),
              Contains("sock.sk_that_never_was: the kernel has no such member"));
}

TEST_F(Vmlinux, ComplainsOfAnotherSize) {
  EXPECT_THAT(complaints_about(with_member("sock", "sk_err", 8)),
              Contains("sock.sk_err: another size"));
}

TEST_F(Vmlinux, ComplainsOfAnotherKind) {
  EXPECT_THAT(complaints_about(with_member("socket", "sk", 8)),
              Contains("socket.sk: another kind of type"));
}

TEST_F(Vmlinux, ComplainsOfAnotherTarget) {
  BtfPointer made(btf__new_empty(), btf__free);
  const int other = btf__add_struct(made.get(), "wsbpf_other", 0);
  const int pointer = btf__add_ptr(made.get(), other);
  btf__add_struct(made.get(), "socket", 8);
  btf__add_field(made.get(), "sk", pointer, 0, 0);
  EXPECT_THAT(complaints_about(made), Contains(HasSubstr("socket.sk: points to sock")));
}

TEST_F(Vmlinux, ComplainsInsideAnAnonymousStruct) {
  BtfPointer made(btf__new_empty(), btf__free);
  const int number = btf__add_int(made.get(), "number", 4, 0);
  const int inner = btf__add_struct(made.get(), nullptr, 4);
  btf__add_field(made.get(), "never_was", number, 0, 0);
  btf__add_struct(made.get(), "inet_connection_sock", 4);
  btf__add_field(made.get(), "icsk_ack", inner, 0, 0);
  EXPECT_THAT(complaints_about(made),
              Contains("inet_connection_sock.icsk_ack.never_was: the kernel has no such member"));
}

}  // namespace
}  // namespace wsbpf::kernel_test

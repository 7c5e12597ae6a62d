// Pods by container id, from a folder as the kubelet keeps it.
#include "source/pod_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "kernel_records.h"

namespace wsbpf {
namespace {

std::string id_of(char digit) { return std::string(64, digit); }

class PodNamesTest : public testing::Test {
 protected:
  PodNamesTest() { std::filesystem::create_directories(folder_); }
  ~PodNamesTest() override { std::filesystem::remove_all(folder_); }

  // A link to a log that does not exist, as it is where only /var/log/containers is mounted.
  void add(const std::string& file) {
    std::filesystem::create_symlink("/var/log/pods/nowhere/0.log", folder_ + "/" + file);
  }

  // "namespace/pod/container", or "" where there is none.
  static std::string find(PodNames& names, const std::string& id, uint64_t now_ns) {
    const PodName* const found = names.find(id, now_ns);
    return found == nullptr ? ""
                            : found->namespace_name + "/" + found->pod + "/" + found->container;
  }

  const std::string folder_ =
      testing::TempDir() + "wsbpf_pod_names_test." + std::to_string(getpid());
};

TEST_F(PodNamesTest, FindsPodsByContainerId) {
  add("chat-7f_shop_server-" + id_of('a') + ".log");
  add("chat-7f_shop_istio-proxy-" + id_of('b') + ".log");
  add("web_default_nginx-" + id_of('c') + ".log");
  PodNames names(folder_);
  EXPECT_EQ(find(names, id_of('a'), 1_s), "shop/chat-7f/server");
  EXPECT_EQ(find(names, id_of('b'), 1_s), "shop/chat-7f/istio-proxy");
  EXPECT_EQ(find(names, id_of('c'), 1_s), "default/web/nginx");
}

TEST_F(PodNamesTest, FindsNothingElse) {
  add("chat-7f_shop_server-" + id_of('a') + ".log");
  add("chat-7f_shop_server-" + id_of('b') + ".log.1");
  add("\x1b[2J_shop_server-" + id_of('c') + ".log");
  std::filesystem::create_directory(folder_ + "/nothing.log");
  PodNames names(folder_);
  for (const char digit : {'b', 'c', 'd'}) EXPECT_EQ(find(names, id_of(digit), 1_s), "");
  EXPECT_EQ(find(names, "", 10_s), "");
  EXPECT_EQ(find(names, id_of('a').substr(1), 20_s), "");
}

TEST_F(PodNamesTest, WithoutAFolderThereAreNoPods) {
  PodNames missing(folder_ + "/missing");
  EXPECT_EQ(find(missing, id_of('a'), 1_s), "");
  PodNames none("");
  EXPECT_EQ(find(none, id_of('a'), 1_s), "");
  std::ofstream(folder_ + "/file") << "no folder";
  PodNames file(folder_ + "/file");
  EXPECT_EQ(find(file, id_of('a'), 1_s), "");
}

TEST_F(PodNamesTest, ANewNameIsFoundWhenItIsAskedFor) {
  PodNames names(folder_);
  EXPECT_EQ(find(names, id_of('a'), 1_s), "");
  add("chat_shop_server-" + id_of('a') + ".log");
  EXPECT_EQ(find(names, id_of('a'), 2_s), "");  // looked at a second ago
  EXPECT_EQ(find(names, id_of('a'), 3_s), "shop/chat/server");
}

// Names come and go in quick succession, with an mtime of the kernel's coarse clock.
TEST_F(PodNamesTest, NoNameIsMissedForGood) {
  PodNames names(folder_);
  for (uint64_t step = 1; step <= 20; ++step) {
    const std::string id = std::to_string(1000 + step) + std::string(60, 'e');
    EXPECT_EQ(find(names, id, step * 100_s), "");
    add("chat_shop_server-" + id + ".log");
    EXPECT_EQ(find(names, id, step * 100_s + 50_s), "shop/chat/server");
  }
}

TEST_F(PodNamesTest, WhatHasLeftIsForgottenWhenItLooksAgain) {
  add("old_shop_server-" + id_of('a') + ".log");
  PodNames names(folder_);
  EXPECT_EQ(find(names, id_of('a'), 1_s), "shop/old/server");
  std::filesystem::remove(folder_ + "/old_shop_server-" + id_of('a') + ".log");
  add("new_shop_server-" + id_of('b') + ".log");
  EXPECT_EQ(find(names, id_of('b'), 10_s), "shop/new/server");
  EXPECT_EQ(find(names, id_of('a'), 20_s), "");
}

TEST_F(PodNamesTest, AFolderThatComesLaterIsFound) {
  std::filesystem::remove_all(folder_);
  PodNames names(folder_);
  EXPECT_EQ(find(names, id_of('a'), 1_s), "");
  EXPECT_EQ(find(names, id_of('a'), 5_s), "");
  std::filesystem::create_directories(folder_);
  add("chat_shop_server-" + id_of('a') + ".log");
  EXPECT_EQ(find(names, id_of('a'), 10_s), "shop/chat/server");
}

TEST_F(PodNamesTest, ReadsNoMoreThanItsLimit) {
  const size_t many = PodNames::kMostNames + 50;
  const auto id = [](size_t i) { return std::to_string(100'000 + i) + std::string(58, 'f'); };
  for (size_t i = 0; i < many; ++i) add("p_n_c-" + id(i) + ".log");
  PodNames names(folder_);
  size_t found = 0;
  for (size_t i = 0; i < many; ++i) found += names.find(id(i), 1_s) != nullptr;
  EXPECT_EQ(found, PodNames::kMostNames);
}

}  // namespace
}  // namespace wsbpf

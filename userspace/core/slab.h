// Values at stable indexes, in pieces, so that growing neither moves nor doubles them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace wsbpf {

// T needs a default value. A freed index is given out again before a new one.
template <typename T>
class Slab {
 public:
  uint32_t insert(T value) {
    uint32_t index;
    if (free_.empty()) {
      index = end_++;
      if (index / kPiece == pieces_.size()) pieces_.push_back(std::make_unique<Piece>());
      used_.push_back(true);
    } else {
      index = free_.back();
      free_.pop_back();
      used_[index] = true;
    }
    (*this)[index] = std::move(value);
    return index;
  }

  void erase(uint32_t index) {
    (*this)[index] = T{};
    used_[index] = false;
    free_.push_back(index);
  }

  T& operator[](uint32_t index) { return (*pieces_[index / kPiece])[index % kPiece]; }
  const T& operator[](uint32_t index) const { return (*pieces_[index / kPiece])[index % kPiece]; }

  bool contains(uint32_t index) const { return index < end_ && used_[index]; }
  uint32_t end() const { return end_; }  // one past the highest index ever used
  size_t size() const { return end_ - free_.size(); }

  // Calls visit(index, value) for each value, in order of index. `visit` may erase that index.
  template <typename Visit>
  void each(Visit visit) {
    for (uint32_t index = 0; index < end_; ++index) {
      if (used_[index]) visit(index, (*this)[index]);
    }
  }
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t index = 0; index < end_; ++index) {
      if (used_[index]) visit(index, (*this)[index]);
    }
  }

 private:
  static constexpr size_t kPiece = 1024;
  using Piece = std::array<T, kPiece>;

  std::vector<std::unique_ptr<Piece>> pieces_;
  std::vector<bool> used_;
  std::vector<uint32_t> free_;
  uint32_t end_ = 0;
};

}  // namespace wsbpf

#include "packing.h"

#include <cstring>

#include "forms.h"

namespace smartvm::SMARTVM_ISA {
namespace {

constexpr bool machine_is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

template <class T>
T swapped(T value) {
  using U = Unsigned<T>;
  const U bits = static_cast<U>(value);
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(bits));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(bits));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(bits));
  return value;
}

// Items that are machine integers, in whatever alignment.
template <bool swap, class Packed, class Out>
Bounds unpack_words(const std::uint8_t* bytes, Out* out, std::int64_t count) {
  Packed low = 0, high = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Packed item;
    std::memcpy(&item, bytes + i * static_cast<std::int64_t>(sizeof item), sizeof item);
    if constexpr (swap) item = swapped(item);
    low = i == 0 ? item : lesser(low, item);
    high = i == 0 ? item : greater(high, item);
    out[i] = static_cast<Out>(item);
  }
  Bounds bounds;
  bounds.low = static_cast<std::int64_t>(low);
  bounds.high = static_cast<std::int64_t>(high);
  return bounds;
}

std::uint64_t word_at(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// An item of less than 8 bytes.
std::int64_t short_item(const std::uint8_t* bytes, const Packed& job) {
  std::uint64_t word = 0;
  for (int i = 0; i < job.width; ++i)
    word |= static_cast<std::uint64_t>(bytes[job.big_endian ? job.width - 1 - i : i]) << 8 * i;
  if (!job.is_signed) return static_cast<std::int64_t>(word);
  const int unused = 64 - 8 * job.width;
  return static_cast<std::int64_t>(word << unused) >> unused;
}

// An item of 8 bytes or more, of which the others must extend the sign of the low 8, else `wide` is
// set.
std::int64_t long_item(const std::uint8_t* bytes, const Packed& job, bool& wide) {
  const int rest = job.width - 8;
  std::uint64_t word = word_at(bytes + (job.big_endian ? rest : 0));
  if (job.big_endian != machine_is_big_endian) word = swapped(word);
  const bool is_negative = word >> 63 != 0, extends_sign = job.is_signed || job.width == 32;
  const std::uint64_t extension = extends_sign && is_negative ? ~std::uint64_t(0) : 0;
  const std::uint8_t* others = bytes + (job.big_endian ? 0 : 8);
  std::uint64_t differing = !extends_sign && is_negative;
  int i = 0;
  for (; i + 8 <= rest; i += 8) differing |= word_at(others + i) ^ extension;
  for (; i < rest; ++i) differing |= others[i] ^ (extension & 0xFF);
  wide |= differing != 0;
  return static_cast<std::int64_t>(word);
}

template <class Out>
Bounds unpack_items(const Packed& job, Out* out, std::int64_t begin, std::int64_t end, bool* wide) {
  Bounds bounds;
  bool found = false;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint8_t* bytes = job.bytes + i * job.width;
    const std::int64_t item = job.width < 8 ? short_item(bytes, job) : long_item(bytes, job, found);
    bounds.low = lesser(bounds.low, item);
    bounds.high = greater(bounds.high, item);
    out[i] = static_cast<Out>(item);
  }
  if (found) *wide = true;
  return bounds;
}

// use(a machine integer of the width and the signedness of the items), if there is one.
template <class Use>
bool with_word(const Packed& job, Use use) {
  switch (job.is_signed ? job.width : -job.width) {
    case 1:
      return use(std::int8_t()), true;
    case 2:
      return use(std::int16_t()), true;
    case 4:
      return use(std::int32_t()), true;
    case 8:
      return use(std::int64_t()), true;
    case -1:
      return use(std::uint8_t()), true;
    case -2:
      return use(std::uint16_t()), true;
    case -4:
      return use(std::uint32_t()), true;
    default:
      return false;
  }
}

template <class Word, class Item>
void pack_words(const Item* x, std::uint8_t* bytes, bool swap, std::int64_t count) {
  const auto store = [&](std::int64_t i, Word word) {
    std::memcpy(bytes + i * static_cast<std::int64_t>(sizeof word), &word, sizeof word);
  };
  if (swap)
    for (std::int64_t i = 0; i < count; ++i) store(i, swapped(static_cast<Word>(x[i])));
  else
    for (std::int64_t i = 0; i < count; ++i) store(i, static_cast<Word>(x[i]));
}

void pack_item(std::int64_t item, std::uint8_t* bytes, const Packed& job) {
  const int low = lesser(job.width, 8);
  std::memset(bytes, item < 0 ? 0xFF : 0, static_cast<std::size_t>(job.width));
  for (int i = 0; i < low; ++i)
    bytes[job.big_endian ? job.width - 1 - i : i] = static_cast<std::uint8_t>(item >> 8 * i);
}

}  // namespace

Bounds unpack(const Packed& job, void* out, int out_bytes, std::int64_t begin, std::int64_t end,
              bool* wide) {
  Bounds bounds;
  const bool swap = job.big_endian != machine_is_big_endian;
  with_form(out_bytes, [&](auto form) {
    using Out = decltype(form);
    Out* to = static_cast<Out*>(out);
    const bool is_word = begin < end && with_word(job, [&](auto word) {
      using Word = decltype(word);
      const std::uint8_t* from = job.bytes + begin * job.width;
      bounds = swap ? unpack_words<true, Word>(from, to + begin, end - begin)
                    : unpack_words<false, Word>(from, to + begin, end - begin);
    });
    if (!is_word) bounds = unpack_items(job, to, begin, end, wide);
  });
  return bounds;
}

void pack(const Items& x, const Packed& job, std::int64_t begin, std::int64_t end) {
  const bool swap = job.big_endian != machine_is_big_endian;
  with_form(x.bytes, [&](auto form) {
    using T = decltype(form);
    const T* from = static_cast<const T*>(x.data) + begin;
    std::uint8_t* to = job.bytes + begin * job.width;
    const bool is_word = with_word(job, [&](auto word) {
      pack_words<decltype(word)>(from, to, swap, end - begin);
    });
    if (is_word) return;
    for (std::int64_t i = 0; i < end - begin; ++i) pack_item(from[i], to + i * job.width, job);
  });
}

Bounds bounds(const Items& x, std::int64_t begin, std::int64_t end) {
  Bounds found;
  with_form(x.bytes, [&](auto form) {
    found = bounds_of(static_cast<const decltype(form)*>(x.data) + begin, end - begin);
  });
  return found;
}

}  // namespace smartvm::SMARTVM_ISA

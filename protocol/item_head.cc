#include "protocol/item_head.h"

namespace pannier::protocol {
namespace {

constexpr ItemForm form(Type type, unsigned length_bytes, unsigned fixed) {
  return {type, static_cast<std::uint8_t>(length_bytes), static_cast<std::uint8_t>(fixed), true};
}

/// The forms from 0xc0 to 0xdf, where every byte has a meaning of its own.
constexpr ItemForm single_form(unsigned first) {
  switch (first) {
    case 0xc0:
      return form(Type::kNil, 0, 0);
    case 0xc2:
    case 0xc3:
      return form(Type::kBool, 0, 0);
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return form(Type::kBinary, 1U << (first - 0xc4), 0);
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return form(Type::kExt, 1U << (first - 0xc7), 1);
    case 0xca:
    case 0xcb:
      return form(Type::kFloat, 0, 4U << (first - 0xca));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return form(Type::kInteger, 0, 1U << (first - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return form(Type::kInteger, 0, 1U << (first - 0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return form(Type::kExt, 0, 1 + (1U << (first - 0xd4)));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return form(Type::kString, 1U << (first - 0xd9), 0);
    case 0xdc:
    case 0xdd:
      return form(Type::kArray, 2U << (first - 0xdc), 0);
    case 0xde:
    case 0xdf:
      return form(Type::kMap, 2U << (first - 0xde), 0);
    default:
      return {Type::kNil, 0, 0, false};
  }
}

constexpr ItemForm any_form(unsigned first) {
  if (first < 0x80 || first >= 0xe0) return form(Type::kInteger, 0, 0);
  if (first < 0x90) return form(Type::kMap, 0, first & 0x0f);
  if (first < 0xa0) return form(Type::kArray, 0, first & 0x0f);
  if (first < 0xc0) return form(Type::kString, 0, first & 0x1f);
  return single_form(first);
}

constexpr std::array<ItemForm, 256> all_forms() {
  std::array<ItemForm, 256> forms{};
  for (unsigned first = 0; first < forms.size(); ++first) forms[first] = any_form(first);
  return forms;
}

}  // namespace

constexpr std::array<ItemForm, 256> kItemForms = all_forms();

}  // namespace pannier::protocol

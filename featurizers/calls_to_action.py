"""Phrases that ask the reader to do something."""

from __future__ import annotations

from collections.abc import Sequence

# In small letters with е for ё. A phrase counts as often as it is said; words of a phrase stand side by side.
CALLS_TO_ACTION: dict[str, tuple[str, ...]] = {
    "en": (
        "add to cart", "add to bag", "add to basket", "apply now", "book now", "buy", "buy it now", "call us",
        "check out", "click", "click here", "comment below", "contact us", "discover", "dm me", "dm us",
        "don't miss", "don’t miss", "don't wait", "don’t wait", "download", "explore", "find out", "follow me",
        "follow us", "get it", "get started", "get yours", "grab", "hurry", "install", "join", "join us", "learn more",
        "let us know", "limited offer", "limited time", "link in bio", "order now", "order today", "pick up",
        "read more", "register", "reserve", "save now", "see more", "send us", "share this", "shop now",
        "shop online", "sign up", "start now", "subscribe", "swipe up", "take a look", "tap here", "text us",
        "try it", "try now", "visit", "watch now", "write to us",
    ),
    "ru": (
        "берите", "бронируйте", "возьмите", "воспользуйтесь", "выберите", "выбирайте", "вступайте", "голосуйте",
        "делитесь", "добавляйте", "добавь", "добавьте", "жду вас", "ждем вас", "жми", "жмите", "забронируйте",
        "загляните", "заказывай", "заказывайте", "закажи", "закажите", "записывайтесь", "запишитесь", "заходите",
        "звони", "звоните", "зарегистрируйтесь", "кликай", "кликайте", "комментируйте", "купи", "купите",
        "не пропустите", "не упустите", "нажми", "нажмите", "напишите", "обращайтесь", "оставляйте", "оставь",
        "оставьте", "оформите", "оформляйте", "перейдите", "переходи", "переходите", "пиши", "пишите", "подпишись",
        "подпишитесь", "подписывайся", "подписывайтесь", "позвоните", "покупай", "покупайте", "поделись", "поделитесь",
        "попробуйте", "поспешите", "поставь лайк", "поставьте лайк", "посетите", "почувствуйте", "приобретайте",
        "приобретите", "присоединяйся", "присоединяйтесь", "приходите", "приезжайте", "пробуйте", "расскажите",
        "регистрируйтесь", "свяжитесь", "скачай", "скачайте", "скачивайте", "смотри", "смотрите", "спешите",
        "спрашивайте", "спросите", "ссылка в профиле", "ссылка в шапке профиля", "ставьте лайк", "торопитесь", "узнай",
        "узнайте", "успей", "успейте", "установите", "участвуйте", "хватайте", "читайте",
    ),
}  # fmt: skip


def _by_first_word() -> dict[str, list[tuple[str, ...]]]:
    """Phrases as words by their first word, the longest first."""
    phrases = sorted((tuple(p.split()) for all_ in CALLS_TO_ACTION.values() for p in all_), key=len, reverse=True)
    result: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        result.setdefault(phrase[0], []).append(phrase)
    return result


_PHRASES = _by_first_word()


def count_calls(words: Sequence[str]) -> int:
    """Number of calls to action among the words of a text, given in small letters and in order.

    Where a phrase starts with a shorter one, the longest counts: "order now" is one call.
    """
    count = 0
    past = 0
    for i, word in enumerate(words):
        if word in _PHRASES and i >= past:
            for phrase in _PHRASES[word]:
                if tuple(words[i : i + len(phrase)]) == phrase:
                    count += 1
                    past = i + len(phrase)
                    break
    return count

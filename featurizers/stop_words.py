"""Words that say nothing of what a text is about, by language."""

from __future__ import annotations

from functools import cache

# Lists of stop words hold negations, purposes and things, too. These change what a card says ("not for
# children", "без сахара"), or are what is sold. Words apart by spaces, in small letters, with е for ё.
KEPT: dict[str, str] = {
    "en": (
        "not no nor non never none neither without for against only off out over under up down cannot can't won't "
        "don't isn't aren't less least more most full empty new newer newest old older oldest young younger youngest "
        "big small smaller smallest large largest long longer longest high higher highest low lower wide thick thin "
        "width top bottom back front side sides inner inside outside outer first second third half great good best "
        "better greatest free clear fire face faces home room rooms ring mug computer text page pages key keys web "
        "website homepage man men bill mill line cry copy case cases test system point points place world group "
        "novel number numbers research index information invention value click buy call join order contact "
        "member members one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty "
        "fifty sixty eighty ninety hundred thousand million billion interest interesting microsoft netscape area "
        "areas part parts show welcome fix move work working open turn kind sure together present presents opening "
        "ending beginning poorly proud"
    ),
    "ru": (
        "не ни нет без для против под над от до кроме между вокруг внутри более менее больше меньше "
        "большой маленький мало много новый старый хороший прекрасно первый второй третий четвертый пятый шестой "
        "седьмой восьмой девятый десятый один одна одно два две двух три четыре пять шесть семь восемь девять десять "
        "одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать "
        "двадцать одиннадцатый двенадцатый тринадцатый четырнадцатый пятнадцатый шестнадцатый семнадцатый "
        "восемнадцатый девятнадцатый двадцатый тысяч миллионов процентов вода глаз голова голос город деньги день "
        "дверь дом дорога друг друга душа жена женщина жизнь земля книга комната конец лицо люди мать машина место "
        "минута мир мира москва мочь народ нога ночь окно отец писать плечо путь работа работать ребенок россия "
        "рука русский ряд сила слово советский стол сторона страна товарищ улица утро час человек вечер взгляд "
        "война год года лет время времени низко близко далекий свет белый"
    ),
}

# Of words this short, lists hold sizes, units, country codes and single letters, so only these are taken.
SHORT = 2
SHORT_TAKEN: dict[str, str] = {
    "en": "a i an as at be by do go he if in is it me my of oh on or so to us we",
    "ru": "а в и к о с у я бы во вы да ее ей ею же за из им их ко ли мы на но ну об он по со та те то ты",
}


@cache
def stop_words(language: str) -> frozenset[str]:
    """Stop words of a language (ISO 639-1), in small letters with ``е`` for ``ё``; none if it is not known.

    From stopwordsiso, without the words in ``KEPT``.
    """
    import stopwordsiso

    if not stopwordsiso.has_lang(language):
        return frozenset()
    words = frozenset(word.casefold().replace("ё", "е") for word in stopwordsiso.stopwords(language))
    short = SHORT_TAKEN[language].split() if language in SHORT_TAKEN else words
    taken = frozenset(word for word in words if len(word) > SHORT or word in short)
    return taken - frozenset(KEPT.get(language, "").split())

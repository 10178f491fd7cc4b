"""Month names and weekday words in the languages that consoles export in. Data only; read by `adapters.files.days`."""

from __future__ import annotations

_NAMES = (
    (
        "jan january januar jänner janvier janv enero ene janeiro gennaio gen januari января янв ocak oca "
        "styczeń stycznia sty"
    ),
    (
        "feb february februar février fevrier févr fevr febrero fevereiro fev febbraio februari февраля фев "
        "şubat şub luty lutego lut"
    ),
    "mar march märz mrz mär mars marzo março marco maart mrt марта мар mart marzec marca",
    "apr april avril avr abril abr aprile апреля апр nisan nis kwiecień kwietnia kwi",
    "may mai mayo maio maggio mag mei мая май mayıs maj maja",
    "jun june juni juin junio junho giugno giu июня июн haziran haz czerwiec czerwca cze",
    "jul july juli juillet juil julio julho luglio lug июля июл temmuz tem lipiec lipca lip",
    "aug august août aout agosto ago augustus августа авг ağustos ağu sierpień sierpnia sie",
    (
        "sep sept september septembre septiembre setembro set settembre сентября сен сент eylül eyl wrzesień "
        "września wrz"
    ),
    (
        "oct okt october oktober octobre octubre outubro out ottobre ott октября окт ekim eki październik "
        "października paź"
    ),
    "nov november novembre noviembre novembro ноября ноя нояб kasım kas listopad listopada lis",
    (
        "dec dez december dezember décembre decembre déc diciembre dic dezembro dicembre декабря дек aralık "
        "ara grudzień grudnia gru"
    ),
)

MONTHS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
"""Case-folded month name or abbreviation, without a full stop, to its number."""

_FILLERS = (
    "de del of the den le la st nd rd th er e г",
    "mon tue tues wed thu thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday",
    "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "lun mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miércoles jueves viernes sábado domingo seg ter qua qui sex sáb dom",
)
FILLERS = frozenset(word for words in _FILLERS for word in words.split())
"""Words beside a date that say nothing more: articles, ordinal endings, weekdays."""

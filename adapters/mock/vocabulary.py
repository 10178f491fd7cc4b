"""Words that keywords and product titles are made of, by kind of shop."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.mock.draws import Stream, generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Vocabulary of a category: items sold, what shoppers put before them, what they put behind."""

    categories: tuple[str, ...]
    nouns: tuple[str, ...]
    before: tuple[str, ...]
    behind: tuple[str, ...]
    brands: tuple[str, ...]


WORDS = {
    "apparel": Words(
        categories=("连衣裙", "上装", "下装"),
        nouns=("连衣裙", "衬衫", "T恤", "半身裙", "阔腿裤", "针织衫", "风衣", "牛仔裤", "卫衣", "西装外套"),
        before=("法式", "复古", "小个子", "显瘦", "高腰", "韩版", "新中式", "通勤", "宽松", "冰丝", "纯棉", "大码"),
        behind=("女", "春夏新款", "夏季", "气质", "学生", "2026", "春秋", "薄款", "套装", "设计感", "百搭", "正品"),
        brands=("禾木衣社", "素问"),
    ),
    "appliances": Words(
        categories=("厨房电器", "生活电器", "个护电器"),
        nouns=("空气炸锅", "电饭煲", "破壁机", "加湿器", "吹风机", "挂烫机", "电热水壶", "扫地机", "除螨仪", "榨汁机"),
        before=("家用", "小型", "多功能", "静音", "全自动", "智能", "大容量", "便携", "宿舍", "迷你", "变频", "节能"),
        behind=("新款", "一体机", "官方正品", "2026", "推荐", "高端", "3升", "5升", "婴儿", "学生", "办公室", "套装"),
        brands=("云岭电器", "朴居"),
    ),
    "general": Words(
        categories=("收纳", "厨房用品", "清洁用品"),
        nouns=("收纳盒", "保鲜袋", "拖把", "衣架", "垃圾桶", "置物架", "保温杯", "抽纸", "毛巾", "地垫"),
        before=("家用", "加厚", "免打孔", "可折叠", "一次性", "大号", "厨房", "宿舍", "浴室", "桌面", "防滑", "食品级"),
        behind=("批发", "整箱", "神器", "套装", "透明", "北欧风", "10个装", "学生", "加大", "抽屉式", "多层", "耐用"),
        brands=("拾屋", "简物集"),
    ),
}


def titles(words: Words, count: int, seed: int) -> list[str]:
    """Return distinct product titles."""
    rng = generator(seed, Stream.SHOP, 1)
    made: list[str] = []
    for number in range(count):
        title = f"{rng.choice(words.before)}{words.nouns[number % len(words.nouns)]}{rng.choice(words.behind)}"
        made.append(title if title not in made else f"{title} {number + 1}")
    return made


def keywords(words: Words, noun: str, count: int, seed: int, product: int) -> list[str]:
    """Return distinct keywords of one product, short ones first; brand words are `brand_word`'s."""
    rng = generator(seed, Stream.SHOP, 100 + product)
    pool = [noun]
    pool += [f"{before}{noun}" for before in words.before] + [f"{noun}{behind}" for behind in words.behind]
    longer = [f"{before}{noun}{behind}" for before in words.before for behind in words.behind]
    rng.shuffle(longer)
    pool += longer
    while len(pool) < count:
        pool += [f"{word} {len(pool)}" for word in longer]
    return pool[:count]


def brand_word(words: Words, noun: str, number: int) -> str:
    """Return a keyword that names the shop's own brand."""
    return f"{words.brands[number % len(words.brands)]}{noun}"

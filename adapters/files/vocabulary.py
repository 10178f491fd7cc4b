# ruff: noqa: E501, ISC004  (lists of words are read as lists)
"""What columns are called: headings of consoles and of people's own tables, in the languages they export in.

Data only; `adapters.files.proposal` weighs them. Each phrase is normalised by `adapters.files.headings`, so case,
underscores, camel case, units and attribution windows need no entries of their own.
"""

from __future__ import annotations

from adapters.files.headings import understand
from adapters.files.mapping import Role

_PHRASES: dict[Role, str] = {
    Role.DAY: "date|day|reporting date|report date|gregorian date|by day|time period|stat date|c date|click date|datum|tag|jour|date du jour|fecha|día|dia|"
    "data|giorno|dag|datum dag|日期|统计日期|数据日期|统计时间|时间|日付|日|날짜|일자|日期時間|дата|день|tarih|gün|dzień|"
    "event date|activity date|segments date|metrics date|date range|period|日期范围|时间段|zeitraum",
    Role.WEEK: "week|week of|week start|week starting|date week|woche|kw|semaine|semana|settimana|周|周次|неделя|hafta",
    Role.MONTH: "month|monat|mois|mes|mês|mese|maand|月份|月|월|месяц|ay",
    Role.YEAR: "year|jahr|année|año|ano|anno|jaar|年|年份|год|yıl",
    Role.START: "start date|start|from|date start|reporting starts|period start|startdatum|date de début|fecha de inicio|"
    "data de início|data di inizio|begindatum|开始日期|起始日期|开始时间|開始日",
    Role.END: "end date|end|to|until|date stop|reporting ends|period end|enddatum|date de fin|fecha de finalización|"
    "data de término|data di fine|einddatum|结束日期|截止日期|结束时间|終了日",
    Role.HOUR: "hour|hour of day|hour of the day|stunde|heure|hora|ora|uur|小时|时段|小时段|時間帯|час|saat",
    Role.CAMPAIGN_ID: "campaign id|广告活动编号|广告活动id|campaign identifier|campaign number id|kampagnen id|id campagne|id de la campaña|"
    "id da campanha|id campagna|计划id|推广计划id|计划编号|广告计划id|推广计划编号|キャンペーン id|캠페인 id|id кампании|"
    "campaign key|campaign code",
    Role.CAMPAIGN: "campaign|campaign name|campaigns|kampagne|kampagnenname|campagne|nom de la campagne|campaña|"
    "nombre de la campaña|campanha|nome da campanha|campagna|nome campagna|nome della campagna|campagnenaam|计划|计划名称|广告活动|广告活动名称|"
    "计划名字|推广计划|推广计划名称|广告计划|广告计划名称|计划名|キャンペーン|キャンペーン名|캠페인|캠페인 이름|кампания|название кампании|"
    "kampanya|kampanya adı|kampania|campaign number",
    Role.AD_GROUP_ID: "ad group id|广告组编号|广告组id|adgroup id|ad set id|adset id|anzeigengruppen id|id du groupe d'annonces|"
    "id del grupo de anuncios|单元id|推广单元id|推广组id|单元编号|広告グループ id|광고그룹 id",
    Role.AD_GROUP: "ad group|ad group name|adgroup|adgroup name|ad set|ad set name|adset|adset name|anzeigengruppe|"
    "anzeigengruppenname|groupe d'annonces|nom du groupe d'annonces|grupo de anuncios|nombre del grupo de anuncios|"
    "nome do grupo de anúncios|grupo de anúncios|gruppo di annunci|nome gruppo di annunci|advertentiegroep|单元|单元名称|广告组|广告组名称|"
    "单元名字|推广单元|推广单元名称|推广组|推广组名称|単元|広告グループ|広告グループ名|광고그룹|группа объявлений|reklam grubu",
    Role.TARGET_ID: "keyword id|target id|targeting id|product targeting id|criterion id|bidword id|关键词id|词id|"
    "词id/词包id|定向id|人群id|キーワード id|키워드 id|keyword or target id",
    Role.TARGET: "keyword|keywords|keyword text|targeting|target|search keyword|keyword or product targeting|"
    "product targeting expression|targeting expression|target value|suchkeyword|schlüsselwort|mot clé|mot-clé|mots clés|"
    "palabra clave|palabra clave de la red de búsqueda|palavra chave|palavra-chave|parola chiave|zoekwoord|关键词|关键字|"
    "词名字|词名字/词包名字|词名称|推广关键词|买词|bidword|人群|人群名字|人群名称|定向名称|キーワード|키워드|ключевое слово|anahtar kelime|"
    "słowo kluczowe|audience|audience segment",
    Role.MATCH_TYPE: "match type|keyword match type|keyword-option|keyword option|übereinstimmungstyp|"
    "type de correspondance|tipo de concordancia|tipo de correspondência|tipo di corrispondenza|zoektype|匹配方式|匹配类型|"
    "マッチタイプ|一致類型|검색유형|тип соответствия",
    Role.SEARCH_TERM: "search term|customer search term|search query|query|suchbegriff|suchanfrage|terme de recherche|"
    "término de búsqueda|termo de pesquisa|termine di ricerca|zoekterm|搜索词|客户搜索词|搜索关键词|検索語句|검색어|поисковый запрос",
    Role.PRODUCT: "sku|advertised sku|asin|advertised asin|item id|item|product id|product|product sku|num iid|商品id|"
    "宝贝id|主体id|货号|商家编码|spu id|sku id|款号|artikelnummer|artikel|référence|referencia|código do produto|商品コード|"
    "product item id|merchant sku|seller sku",
    Role.PRODUCT_TITLE: "product name|product title|item name|item title|商品名称|商品标题|宝贝名称|宝贝标题|主体名称|title|"
    "produktname|nom du produit|nombre del producto|商品名",
    Role.STATE: "state|status|keyword status|target status|keyword state|状态|投放状态|推广状态|关键词状态|etat|état|estado|stato|"
    "ステータス|상태|статус|durum|serving status|delivery",
    Role.CAMPAIGN_STATE: "campaign status|campaign state|kampagnenstatus|état de la campagne|estado de la campaña|"
    "status da campanha|stato campagna|计划状态|推广计划状态|campaign serving status",
    Role.AD_GROUP_STATE: "ad group status|ad group state|adgroup status|ad set status|anzeigengruppenstatus|单元状态|推广单元状态",
    Role.BID: "bid|max cpc|maximum cpc|keyword bid|max bid|cpc bid|target bid|current bid|bid amount|maxprice|max price|出价|"
    "关键词出价|移动出价|移动端出价|当前出价|基础出价|max-cpc|cpc max|cpc máx|cpc massimo|gebot|enchère|puja|lance|offerta|bod|入札単価|"
    "上限クリック単価|입찰가|ставка|teklif",
    Role.DEFAULT_BID: "default bid|ad group default bid|default max cpc|standardgebot|默认出价|单元默认出价|单元出价|默认出价价格",
    Role.DAILY_BUDGET: "daily budget|budget|campaign budget|campaign daily budget|campaign budget amount|tagesbudget|"
    "budget quotidien|budget journalier|presupuesto diario|presupuesto|orçamento diário|orçamento|budget giornaliero|"
    "dagbudget|日限额|日预算|预算|每日预算|计划日限额|单日预算|1日の予算|予算|일예산|дневной бюджет|günlük bütçe",
    Role.IMPRESSIONS: "impressions|impression|impr|imps|displays|display count|shown|times shown|ad impressions|ad pv|pv|"
    "展现量|展现|展现数|曝光|曝光量|曝光数|展示|展示量|展示次数|展示数|impressionen|einblendungen|impresiones|impressões|impressioni|"
    "vertoningen|表示回数|インプレッション|インプレッション数|노출수|노출|показы|gösterim|gösterimler|wyświetlenia|exposures",
    Role.CLICKS: "clicks|click|clicked|link clicks|clicks destination|outbound clicks|click count|clicks all|ad clicks|点击量|点击|点击数|点击次数|klicks|clics|"
    "cliques|clic|click|kliks|klikken|クリック数|クリック|클릭수|클릭|клики|tıklama|tıklamalar|kliknięcia",
    Role.SPEND: "spend|spent|cost|costs|total cost|total spend|amount spent|ad spend|ad cost|adspend|charge|campaign cost|"
    "ad expense|advertising cost|media cost|ad fees|ad fee|花费|消耗|总花费|总消耗|总费用|广告花费|广告费|推广费|推广花费|费用|消费|消费金额|现金消耗|kosten|ausgaben|"
    "coût|coûts|dépense|dépenses|montant dépensé|coste|costo|costos|gasto|importe gastado|inversión|custo|valor gasto|"
    "valor usado|spesa|importo speso|uitgaven|uitgegeven bedrag|費用|コスト|ご利用額|消化金額|비용|총비용|광고비|расход|стоимость|"
    "затраты|maliyet|harcama|koszt|wydatki",
    Role.AVG_CPC: "cpc|avg cpc|average cpc|cost per click|avg cost per click|average cost per click|mean cpc|ppc|"
    "每次点击成本|平均点击花费|平均点击价格|平均点击费用|点击单价|平均点击单价|点击均价|durchschn cpc|ø cpc|cpc moyen|cpc medio|cpc médio|"
    "coste por clic|costo por clic|custo por clique|gem cpc|平均クリック単価|クリック単価|平均 cpc|평균 cpc|средняя цена клика",
    Role.ORDERS: "orders|order|purchases|purchase|total orders|total purchases|approved conversions|approved conversion|"
    "order count|number of orders|conversions|conversion|conv|total conversions|total conversion|converted|transactions|"
    "post click conversions|attributed conversions|website purchases|complete payment|complete payments|总成交笔数|成交笔数|总订单量|总订单数|订单数|订单数量|订单量|成交订单数|成交订单量|总订单|总订单行|"
    "转化数|转化量|成交量|bestellungen|käufe|conversionen|commandes|achats|pedidos|compras|conversiones|conversões|ordini|acquisti|"
    "conversioni|bestellingen|aankopen|conversies|注文数|注文|購入数|コンバージョン|コンバージョン数|주문수|전환수|전환|구매수|заказы|конверсии|"
    "покупки|sipariş|siparişler|dönüşümler|zamówienia|konwersje",
    Role.UNITS: "units|units sold|total units|units ordered|quantity|quantity sold|sold quantity|items sold|units sold clicks|成交件数|总销售量|销量|商品数量|件数|"
    "verkaufte einheiten|unités|unidades|unità|eenheden|販売数|판매수량|штуки",
    Role.REVENUE: "revenue|sales|total sales|total revenue|conv value|conversion value|conversions value|"
    "total conv value|total conversion value|purchase value|purchases value|total complete payment value|complete payment value|website purchases conversion value|purchases conversion value|gmv|"
    "attributed sales|attributed revenue|ad sales|ad revenue|order value total|sales amount|transaction revenue|"
    "purchase conversion value|turnover|总成交金额|成交金额|成交额|交易额|总成交额|销售额|总销售额|转化金额|订单金额|总订单金额|umsatz|verkäufe|"
    "conv wert|conversion wert|valeur de conv|valeur de conversion|chiffre d'affaires|ventes|valor de conv|"
    "valor de conversión|ventas|ingresos|valor da conv|valor da conversão|vendas|receita|faturamento|vendite|ricavi|fatturato|"
    "valore conv|omzet|conv waarde|売上|売上高|コンバージョン値|コンバージョンの価値|매출|매출액|전환매출액|ценность конв|доход|выручка|gelir|"
    "dönüşüm değeri|przychód|wartość konwersji|post click sales amount",
    Role.CARTS: "carts|cart|add to cart|adds to cart|add to carts|added to cart|cart adds|cart additions|atc|总购物车数|购物车数|"
    "加购数|加购量|加购件数|总加购数|添加购物车量|ajouts au panier|añadidos al carrito|warenkorb|カート追加数|장바구니",
    Role.FAVOURITES: "favourites|favorites|favourite|favorite|wishlist|wishlist adds|saves|总收藏数|收藏数|收藏量|总收藏量|お気に入り|찜",
    Role.CTR: "ctr|click through rate|click thru rate|clickthrough rate|点击率|klickrate|taux de clics|クリック率|클릭률",
    Role.CVR: "cvr|conversion rate|conv rate|purchase rate|点击转化率|转化率|conversion-rate|taux de conv|コンバージョン率|전환율",
    Role.ROAS: "roas|total return on advertising spend|return on ad spend|return on advertising spend|投入产出比|投产比|"
    "conv value/cost|conv value / cost|投产",
    Role.ACOS: "acos|total advertising cost of sales|advertising cost of sales|cost of sales|费比",
    Role.CURRENCY: "currency|currency code|budget currency|account currency|币种|货币|währung|währungscode|devise|"
    "code de la devise|moneda|código de moneda|moeda|código da moeda|valuta|通貨|通貨コード|통화|валюта|para birimi",
    Role.ACCOUNT_ID: "account id|customer id|advertiser account id|profile id|advertiser id|账户id|店铺id|卖家id|konto id|"
    "kundennummer|id du compte|id de cuenta|アカウント id",
    Role.ACCOUNT: "account|account name|advertiser account name|customer name|advertiser name|店铺|店铺名称|账户|账户名称|konto|"
    "kontoname|compte|cuenta|アカウント",
}

EXACT: dict[str, tuple[tuple[Role, int], ...]] = {}
"""Normalised heading to its roles, each with its rank in the role's list: the earlier, the surer."""

for _role, _text in _PHRASES.items():
    for _rank, _phrase in enumerate(_text.split("|")):
        _key = understand(_phrase).key
        if all(role is not _role for role, _ in EXACT.get(_key, ())):
            EXACT[_key] = (*EXACT.get(_key, ()), (_role, _rank))

PARTS: dict[Role, tuple[tuple[str, ...], ...]] = {
    Role.REVENUE: (("直接成交金额", "间接成交金额"),),
    Role.ORDERS: (("直接成交笔数", "间接成交笔数"),),
    Role.CARTS: (("直接购物车数", "间接购物车数"),),
    Role.FAVOURITES: (("收藏宝贝数", "收藏店铺数"), ("宝贝收藏数", "店铺收藏数")),
}
"""Where a metric has no column of its own: columns that add up to it."""

LOOSE: tuple[tuple[Role, frozenset[str], frozenset[str]], ...] = tuple(
    (role, frozenset(any_of.split()), frozenset(none_of.split()))
    for role, any_of, none_of in (
        (
            Role.DAY,
            "date day datum fecha",
            "start end launch created updated range stop birth due expiry of week parting",
        ),
        (
            Role.CAMPAIGN,
            "campaign kampagne campaña campagne campanha campagna",
            "cost costs spend budget status state type clicks impressions revenue sales orders start end roas bid strategy "
            "goal objective value conversions id serving subtype count",
        ),
        (Role.AD_GROUP, "adgroup adset anzeigengruppe", "cost status state type bid id"),
        (
            Role.TARGET,
            "keyword keywords targeting",
            "cost status state bid id quality planner count match score option",
        ),
        (Role.PRODUCT, "sku asin", "units sales other orders count title name eligible"),
        (
            Role.IMPRESSIONS,
            "impressions impression impr impressionen displays shown displayed",
            "share rate viewable top absolute lost eligible abs cost cpm unique device measurable",
        ),
        (
            Role.CLICKS,
            "clicks click clicked klicks clics cliques",
            "rate thru through invalid share cost post view conversions sales orders revenue value all assisted id url date",
        ),
        (
            Role.SPEND,
            "spend spent cost costs kosten coût gasto custo spesa expense expenses",
            "conv conversion conversions order orders purchase acquisition action click clicks cpc cpm sales revenue unit goods "
            "return shipping product item target acos cogs type basis thousand view of avg average max min cpa "
            "budget strategy",
        ),
        (
            Role.ORDERS,
            "orders purchases conversions conversion converted order transactions purchase",
            "rate value cost id share view assisted sales amount revenue other promoted halo new brand cross lag all window "
            "advertised type date name action source category status average avg number_of_days",
        ),
        (
            Role.REVENUE,
            "revenue sales gmv turnover umsatz income",
            "cost rate acos other halo promoted brand organic rank count units advertised channel person id shop total_shop "
            "competitor net refund average avg manager store direct indirect",
        ),
        (Role.UNITS, "units", "other advertised promoted halo brand cost price"),
        (Role.CARTS, "cart carts", "cost rate value share abandon"),
    )
)
"""Roles by one tell-tale word, unless another word says otherwise; weaker than any exact phrase."""

LOOSE_IDS: dict[Role, frozenset[str]] = {
    Role.CAMPAIGN_ID: frozenset({"campaign"}),
    Role.AD_GROUP_ID: frozenset({"group", "adgroup", "adset"}),
    Role.TARGET_ID: frozenset({"keyword", "target", "ad", "creative", "criterion"}),
}
"""Roles of columns that end in "id", by another word beside it."""

SEGMENTS = frozenset(
    understand(text).key
    for text in [
        "device",
        "device type",
        "platform",
        "network",
        "network with search partners",
        "top vs other",
        "retailer",
        "country",
        "region",
        "marketplace",
        "portfolio",
        "portfolio name",
        "portfolio id",
        "campaign type",
        "budget type",
        "ad type",
        "设备",
        "终端",
        "投放终端",
        "资源位",
        "流量来源",
        "场景",
        "场景名字",
        "场景id",
        "原二级场景id",
        "原二级场景名字",
        "主体类型",
        "gerät",
        "appareil",
        "dispositivo",
        "デバイス",
        "hour of day",
        "小时",
        "时段",
        "bid strategy type",
        "bid strategy",
        "labels",
        "status reasons",
        "词类型",
    ]
)
"""Columns that split the same campaigns, ad groups and keywords further: their rows are added up."""

ADS = frozenset(
    understand(text).key
    for text in [
        "ad",
        "ad id",
        "ad name",
        "creative",
        "creative id",
        "创意",
        "创意id",
        "创意名称",
        "anzeige",
        "annonce",
        "anuncio",
    ]
)
"""Columns that name a single advertisement: the finest level where there is no keyword."""

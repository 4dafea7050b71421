"""Back ends for what people already use. Each imports its framework, which this package does not need otherwise.

    django      Django's cache framework
    cachelib    cachelib, and so Flask-Caching
    dogpile     dogpile.cache
"""

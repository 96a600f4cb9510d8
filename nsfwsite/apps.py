from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "nsfwsite"
    verbose_name = "SpeakUp"

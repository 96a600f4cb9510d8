from django.urls import reverse


def test_the_sitemap_has_models_and_the_pages_with_results(client, champion) -> None:
    text = client.get("/sitemap.xml").content.decode()
    for name in ("home", "audits", "policy", "ledger"):
        assert f"<loc>http://testserver{reverse(name)}</loc>" in text
    assert f"<loc>http://testserver{reverse('model', args=['v1'])}</loc>" in text
    assert reverse("threshold") not in text


def test_robots_are_led_to_the_sitemap_and_not_to_the_admin(client) -> None:
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /admin/" in text
    assert "Sitemap: http://testserver/sitemap.xml" in text

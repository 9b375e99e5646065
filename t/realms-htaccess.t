# The .htaccess files that httpd leads a request to cannot see the session of another
# realm. The test tries all that httpd evaluates before it calls a handler: conditions
# of <If>, SetEnvIf, Require expr, ErrorDocument, RequestHeader.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

my $MODULES = SessionCrypto::Httpd::env('C_MODULE') =~ s{/[^/]+\z}{}r;
my @NEEDED  = qw(mime dir include setenvif rewrite);
my @missing = grep { !-e "$MODULES/mod_$_.so" } @NEEDED;
plan skip_all => "this httpd has no module for: @missing" if @missing;

# The harness has loaded mod_headers. Loaded after mod_dir, its fixup runs after
# mod_dir's.
my $LOAD = join '', map { "LoadModule ${_}_module $MODULES/mod_$_.so\n" } @NEEDED, 'headers';

my $CONFIG = $LOAD . <<'END';
TypesConfig "@DIR@/mime.types"
AddType text/html .html .shtml
AddOutputFilter INCLUDES .shtml
DirectoryIndex disabled
<Directory "@DIR@/htdocs">
    AllowOverride All
    Options Includes FollowSymLinks
</Directory>
Session On
SessionEnv On
SessionHeader X-S
SessionCookieName session path=/
<Location /app>
    SessionCryptoPassphrase "the passphrase of the application"
    SessionCryptoCipher aes-256-gcm
</Location>
<Location /app/error>
    ErrorDocument 404 /author/page.shtml
</Location>
<Location /app/alike>
    ErrorDocument 404 /app/page.shtml
</Location>
<Directory "@DIR@/htdocs/app/out">
    RewriteEngine On
    RewriteRule ^nosuch$ /author/denied/page.shtml [L]
</Directory>
<Location /app/index>
    DirectoryIndex /author/page.shtml
</Location>
<Location /app/alike-index>
    DirectoryIndex /app/page.shtml
</Location>
END

my $httpd = SessionCrypto::Httpd->new(name => 'realms_htaccess', session => '', one_child => 1, without => ['headers'], echo => '^/app/echo', config => $CONFIG);
$httpd->write_file('mime.types', '');
mkdir $httpd->htdocs . "/app";
$httpd->write_file("htdocs/app/$_/page.html", "$_\n") for qw(error index alike-index out);
my $PAGE = <<'END';
HERE=<!--#echo encoding="none" var="HTTP_SESSION" -->
BEFORE=<!--#echo encoding="none" var="REDIRECT_HTTP_SESSION" -->
CAUGHT=<!--#echo encoding="none" var="CAUGHT" -->
ASKED=<!--#echo encoding="none" var="ASKED" -->
SENT=<!--#echo encoding="none" var="HTTP_X_CAUGHT" -->
END
my $CATCH = <<'END';
SetEnvIf REDIRECT_HTTP_SESSION "(.+)" CAUGHT=$1
<If "%{reqenv:REDIRECT_HTTP_SESSION} =~ /user/ || %{reqenv:HTTP_SESSION} =~ /user/">
    SetEnv ASKED yes
</If>
RequestHeader set X-Caught "%{HTTP_SESSION}e"
END
for my $dir (qw(app author)) {
    $httpd->write_file("htdocs/$dir/page.shtml", $PAGE);
    $httpd->write_file("htdocs/$dir/.htaccess", $CATCH);
}
$httpd->write_file('htdocs/author/denied/page.shtml', $PAGE);
$httpd->write_file('htdocs/author/denied/.htaccess', <<'END');
Require all denied
ErrorDocument 403 "CAUGHT=%{reqenv:REDIRECT_HTTP_SESSION}%{reqenv:HTTP_SESSION}"
END
for my $dir (qw(app author)) {
    $httpd->write_file("htdocs/$dir/ahead/page.shtml", qq(AHEAD=<!--#echo encoding="none" var="REDIRECT_AHEAD" -->\n));
    $httpd->write_file("htdocs/$dir/ahead/.htaccess", <<"END");
RewriteEngine On
RewriteRule ^leak\$ /app/page.shtml
RewriteRule ^leak-error\$ /app/error
RewriteCond %{REQUEST_URI} leak
RewriteCond %{LA-U:ENV:HTTP_SESSION} (.+)
RewriteRule .* - [E=AHEAD:%1]
RewriteCond %{REQUEST_URI} leak
RewriteRule .* /$dir/ahead/page.shtml [L]
END
}
$httpd->start;
my $client = $httpd->client;
my $token  = $client->get('/app/echo', 'X-S' => 'user=joe')->token;
ok($token, 'there is a session of the application');

for my $way (['/app/error/nosuch', 'ErrorDocument'], ['/app/index/', 'DirectoryIndex'], ['/app/out/nosuch', 'RewriteRule and ErrorDocument']) {
    my ($url, $name) = @$way;
    my $body = $client->get($url, session => $token)->body;
    like($body, qr/^CAUGHT=/m, "$name leads to the author's page");
    unlike($body, qr/joe/, "$name: SetEnvIf, ErrorDocument and RequestHeader there do not see the session") or diag($body);
    unlike($body, qr/^ASKED=yes/m, "$name: nor does <If>");
}

# mod_rewrite looks ahead: at what a page of the application would see, or at a
# directory, for which mod_dir ends the fixups.
for my $name (qw(leak leak-error)) {
    my $ahead = $client->get("/author/ahead/$name", session => $token)->body;
    like($ahead, qr/^AHEAD=/m, "$name: looking ahead leads to a page of the author");
    unlike($ahead, qr/joe/, "$name: where mod_rewrite looks ahead, it does not see the session") or diag($ahead);
}
like($client->get('/app/ahead/leak', session => $token)->body, qr/^AHEAD=user=joe$/m, 'within one realm it does');

# Within one realm all variables stay, except in <If>.
my $body = $client->get('/app/alike/nosuch', session => $token)->body;
like($body, qr/^$_=user=joe$/m, "in one realm, $_ shows the session") for qw(HERE BEFORE CAUGHT);
unlike($body, qr/^ASKED=yes$/m, 'but <If> is asked before the realm is known');
$body = $client->get('/app/alike-index/', session => $token)->body;
like($body, qr/^HERE=user=joe$/m, 'and so it is with DirectoryIndex');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session of another realm');
$httpd->log->expect(qr/AH01630/, 'denied');
$httpd->log->clean;
done_testing;

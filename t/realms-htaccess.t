# What a request brings along from another realm is out of sight for whoever writes
# the .htaccess files that it is led to, in all that httpd does before it calls a
# handler: conditions of <If>, SetEnvIf, Require expr, ErrorDocument, RequestHeader.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

my $MODULES = SessionCrypto::Httpd::env('C_MODULE') =~ s{/[^/]+\z}{}r;
my @NEEDED  = qw(mime dir include setenvif rewrite);
my @missing = grep { !-e "$MODULES/mod_$_.so" } @NEEDED;
plan skip_all => "this httpd has no module for: @missing" if @missing;

# The harness has loaded mod_headers; after mod_dir, its fixup is behind that one's.
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
$httpd->write_file("htdocs/app/$_/page.html", "$_\n") for qw(index alike-index out);
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

# Within one realm all is as it was, but for <If>.
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

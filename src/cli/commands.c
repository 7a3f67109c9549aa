/* The table of commands: what each is called, takes and does.  Parser, help and manual page follow it. */
#include "cli/cli.h"

#define AS                                                                                                   \
	{                                                                                                    \
		"as", "DIR", "操作人员凭证目录（tls、sign 与 pin）",                                         \
		        "folder of the officer's credential (tls, sign, pin)", CLI_REQUIRED                  \
	}
#define ENDPOINTS                                                                                            \
	{                                                                                                    \
		"endpoints", "FILE", "endpoints.json（缺省：DIR/../../endpoints.json）",                     \
		        "endpoints.json (default: DIR/../../endpoints.json)", 0                              \
	}
#define RA                                                                                                   \
	ENDPOINTS,                                                                                           \
	{                                                                                                    \
		"ra", "INSTANCE", "注册机构实例（缺省：第一个）",                                            \
		        "registration authority (default: the first)", 0                                     \
	}
/* Whoever has no folder shows a key. */
#define AS_OR_KEY                                                                                            \
	{                                                                                                    \
		"as", "DIR", "操作人员凭证目录（订户用 --key）",                                             \
		        "folder of the officer's credential (a holder gives --key)", 0                       \
	}
#define DATA                                                                                                 \
	{                                                                                                    \
		"data", "DIR", "数据目录", "data folder", CLI_REQUIRED                                       \
	}
#define UNLOCK                                                                                               \
	{                                                                                                    \
		"unlock", "FILE|fd", "解锁文件，或其描述符的编号",                                           \
		        "file with the unlock secrets, or the number of a descriptor", 0                     \
	}
#define PORT                                                                                                 \
	{                                                                                                    \
		"base-port", "N", "第一个端口（缺省 7440；0 为自动选择并保留）",                             \
		        "first port (default 7440; 0 chooses once and keeps)", 0                             \
	}
#define CLOCK                                                                                                \
	{                                                                                                    \
		"test-clock", NULL, "使用可拨动的测试时钟", "use a test clock that can be moved", 0          \
	}
#define AT                                                                                                   \
	{                                                                                                    \
		"at", "TIME", "按此时刻判断（缺省：现在）", "judge at this instant (default: now)", 0        \
	}
#define END                                                                                                  \
	{                                                                                                    \
		NULL, NULL, NULL, NULL, 0                                                                    \
	}

const struct cli_option cli_common[] = {
        {"lang", "zh|en", "输出语言（缺省 zh）", "language (default zh)", 0},
        {"json", NULL, "结果与错误以 JSON 输出", "result and errors as JSON", 0},
        {"help", NULL, "显示帮助", "show this help", 0},
        {"version", NULL, "显示版本", "show the version", 0},
        END,
};

static const struct cli_option up[] = {
        DATA,
        {"demo", NULL, "数据目录为空时执行演示密钥仪式", "run the demonstration ceremony when DIR is empty",
         0},
        {"config", "FILE", "叠加到各实例配置之上的 YAML", "YAML laid over the configuration of each instance",
         0},
        PORT,
        UNLOCK,
        CLOCK,
        END,
};
static const struct cli_option serve[] = {
        DATA, {"config", "FILE", "叠加配置", "YAML laid over the configuration", 0}, UNLOCK, END};
static const struct cli_option ceremony[] = {
        DATA,
        {"plan", "FILE", "仪式计划（缺省：演示计划）", "plan (default: the demonstration)", 0},
        {"install", "FILE", "装入外部根签发的 CA 证书",
         "take in a CA certificate that another root has issued", 0},
        {"chain", "FILE", "该证书之上的证书链", "the chain above that certificate", 0},
        UNLOCK,
        PORT,
        CLOCK,
        END,
};
static const struct cli_option unlock[] = {DATA, UNLOCK, END};
static const struct cli_option only_data[] = {DATA, END};
static const struct cli_option apply[] = {
        AS,
        {"profile", "P", "证书模板（yuandian profile list 列出）",
         "profile (yuandian profile list names them)", CLI_REQUIRED},
        {"class", "GOV|PUBLIC", "服务类别：政务或公众", "service class", CLI_REQUIRED},
        {"csr", "FILE", "证书请求（PKCS#10）", "certificate request (PKCS#10)", CLI_REQUIRED},
        {"data", "FILE", "申请数据 JSON（docs/schema/application-P.json）",
         "application data (docs/schema/application-P.json)", CLI_REQUIRED},
        {"evidence", "TYPE=FILE", "证明材料，可多次给出", "a piece of evidence; may be repeated", CLI_REPEAT},
        {"corrects", "ID", "更正被退回的申请", "takes the place of an application that was returned", 0},
        {"duplicate", NULL, "该主体已有同类证书，仍要申请",
         "the holder has such a certificate and wants another", 0},
        RA,
        END,
};
#define FOLLOWS                                                                                              \
	{"profile", "P", "证书模板（与原证书相同）", "profile (as the certificate that is followed)",        \
	 CLI_REQUIRED},                                                                                      \
	        {"class", "GOV|PUBLIC", "服务类别（与原证书相同）", "service class (as before)",             \
	         CLI_REQUIRED},                                                                              \
	        {"csr", "FILE", "证书请求（PKCS#10）", "certificate request (PKCS#10)", CLI_REQUIRED},       \
	        {"data", "FILE", "申请数据 JSON", "application data", CLI_REQUIRED},                         \
	{                                                                                                    \
		"evidence", "TYPE=FILE", "证明材料，可多次给出", "a piece of evidence; may be repeated",     \
		        CLI_REPEAT                                                                           \
	}
#define HOLDER                                                                                               \
	{"as", "DIR", "操作人员凭证目录", "folder of the officer's credential", 0},                          \
	        {"key", "FILE", "持有人的原签名私钥（代替 --as）",                                           \
	         "the holder's old signing key, instead of --as", 0},                                        \
	        {"certificate", "FILE", "原签名证书，与 --key 同用",                                         \
	         "the old signing certificate, with --key", 0},                                              \
	{                                                                                                    \
		"pin-file", "FILE", "--key 的口令", "PIN of --key", 0                                        \
	}
static const struct cli_option update[] = {HOLDER, FOLLOWS, RA, END};
static const struct cli_option recover[] = {
        AS_OR_KEY,
        {"ground", "CASE", "恢复事由：案件编号", "asks: number of the case", 0},
        {"reason", "TEXT", "理由", "why", 0},
        {"csr", "FILE", "新签名密钥的证书请求", "request for the new signing key", 0},
        {"all", NULL, "该持有人的全部历代加密密钥", "every generation of the holder's keys", 0},
        {"approve", NULL, "同意（审核人员或恢复人员）", "approve (reviewer or recovery agent)", 0},
        {"refuse", "TEXT", "不同意，给出理由", "refuse, with a reason", 0},
        {"fetch", NULL, "取回已恢复的密钥", "fetch what was recovered", 0},
        {"out", "DIR", "写入此目录", "write into this folder", 0},
        {"envelope", "sm2|saed|skf|sdf", "密钥信封的格式（缺省 sm2）", "form of the envelopes (default sm2)",
         0},
        {"key", "FILE", "取回时：新签名私钥，打开信封；持有人申请时：现有签名私钥",
         "with --fetch: new signing key, opens the envelopes; a holder who asks: present signing key", 0},
        {"pin-file", "FILE", "写出的密钥与 --key 的口令", "PIN of the keys written and of --key", 0},
        {"judicial", NULL, "司法取证恢复（仅密钥管理中心的恢复人员）",
         "judicial recovery, by recovery officers", 0},
        {"institution", "ORG", "司法取证：证书所属机构", "judicial: whose certificates", 0},
        {"certificate", "FILE", "司法取证：机关的证书，密钥只交付给它；持有人：--key 的证书",
         "judicial: certificate of the authority; a holder: that of --key", 0},
        {"authority", "NAME", "司法取证：机关名称", "judicial: name of the authority", 0},
        {"document", "FILE", "司法取证：法律文书", "judicial: the legal document", 0},
        {"number", "TEXT", "司法取证：文书编号", "judicial: number of the document", 0},
        RA,
        END,
};
static const struct cli_option replace[] = {AS, FOLLOWS, RA, END};
static const struct cli_option blacklist[] = {
        AS,
        {"number", "N", "证件号码", "number of a document", 0},
        {"code", "C", "统一社会信用代码", "unified social credit code", 0},
        {"entity", "UUID", "证书主体的标识", "id of a holder", 0},
        {"reason", "TEXT", "理由", "why", CLI_REQUIRED},
        {"until", "TIME", "到此时刻为止（缺省：无限期）", "until then (default: without end)", 0},
        RA,
        END,
};
static const struct cli_option audit_verify[] = {
        {"heads", "FILE|DIR", "见证者保存的树头", "heads that witnesses kept", CLI_REPEAT},
        {"trust", "DIR", "信任目录（缺省：DIR/trust）；应取自别处",
         "trust folder (default: DIR/trust); take it from elsewhere", 0},
        {"certificate", "FILE", "来自应用现场的证书，须在日志中，可多次给出",
         "a certificate from the field that the log must tell of; may be repeated", CLI_REPEAT},
        END,
};
static const struct cli_option audit_export[] = {
        AS,
        ENDPOINTS,
        {"instance", "INSTANCE", "向此实例索取", "ask this instance", CLI_REQUIRED},
        {"out", "FILE", "写入此新文件", "write this new file", CLI_REQUIRED},
        END,
};
#define RECORD_COMMON AS, ENDPOINTS
static const struct cli_option crl_build[] = {
        RECORD_COMMON,
        {"anew", NULL, "只依据数据库记录重新制作", "from the rows alone, not out of the last list", 0},
        END,
};
static const struct cli_option record_show[] = {
        RECORD_COMMON,
        {"reason", "TEXT", "查阅理由，记入日志", "why; it is logged", CLI_REQUIRED},
        {"originals", NULL, "连同证据原件，不遮蔽", "originals too, nothing masked", 0},
        END,
};
static const struct cli_option record_hold[] = {
        RECORD_COMMON,
        {"authority", "TEXT", "作出决定的机关", "whose decision it is", CLI_REQUIRED},
        {"document", "TEXT", "文书编号", "number of its document", 0},
        {"reason", "TEXT", "理由", "why", CLI_REQUIRED},
        END,
};
static const struct cli_option record_release[] = {
        RECORD_COMMON,
        {"reason", "TEXT", "理由", "why", CLI_REQUIRED},
        END,
};
static const struct cli_option record_dispose[] = {
        RECORD_COMMON,
        {"reason", "TEXT", "理由", "why", 0},
        {"approve", "DISPOSAL", "由另一人批准该销毁清单", "another person's approval of that list", 0},
        {"refuse", "DISPOSAL", "由另一人拒绝该销毁清单", "another person's refusal of that list", 0},
        END,
};
static const struct cli_option record_attest[] = {
        RECORD_COMMON,
        {"source", "TEXT", "核对所用的时间源", "the source of time that was compared", CLI_REQUIRED},
        {"reason", "TEXT", "理由", "why", CLI_REQUIRED},
        {"time", "TIME", "所声明的时间（缺省：现在）", "the time attested (default: now)", 0},
        {"role", "ROLE", "institution（缺省）或 security-admin", "institution (default) or security-admin",
         0},
        END,
};
static const struct cli_option record_common[] = {
        RECORD_COMMON,
        END,
};
#define CUSTODIAN                                                                                            \
	{                                                                                                    \
		"custodian", "DIR", "保管人的凭证目录（sign.key 与 pin），可多次给出",                       \
		        "folder of a custodian (sign.key, pin); may be repeated", CLI_REPEAT                 \
	}
static const struct cli_option backup_create_options[] = {
        DATA,
        {"out", "FILE", "写入此新文件", "write this new file", CLI_REQUIRED},
        {"custodian", "DIR|CERT", "保管人的凭证目录或 SM2 证书，可多次给出",
         "a custodian's folder or SM2 certificate; may be repeated", CLI_REQUIRED | CLI_REPEAT},
        {"threshold", "M", "恢复所需的保管人数（缺省 2）", "custodians needed to restore (default 2)", 0},
        END,
};
static const struct cli_option status_rebuild_options[] = {
        DATA,
        {"instance", "INSTANCE", "状态服务实例（缺省：全部）", "status instance (default: all)", 0},
        {"wait", NULL, "等待重建结束", "wait until it has ended", 0},
        END,
};
static const struct cli_option backup_verify_options[] = {
        CUSTODIAN,
        END,
};
static const struct cli_option restore_options[] = {
        DATA,
        CUSTODIAN,
        END,
};
static const struct cli_option restore_replay_options[] = {
        AS,
        ENDPOINTS,
        {"from", "DIR", "仍有备份之后记录的状态服务实例目录",
         "folder of a status instance that knows what came after", CLI_REQUIRED},
        END,
};
static const struct cli_option restore_accept_options[] = {
        AS,
        ENDPOINTS,
        {"reason", "TEXT", "补录了什么、依据什么", "what was replayed, from what", CLI_REQUIRED},
        END,
};
static const struct cli_option batch_submit[] = {
        AS,
        {"profile", "P", "证书模板", "profile", CLI_REQUIRED},
        {"class", "GOV|PUBLIC", "服务类别：政务或公众", "service class", CLI_REQUIRED},
        {"data", "FILE", "各行共有的申请数据 JSON", "application data that all lines share", 0},
        {"evidence", "TYPE=FILE", "各行共有的证明材料，可多次给出",
         "a piece of evidence that all lines share; may be repeated", CLI_REPEAT},
        RA,
        END,
};
static const struct cli_option batch_show[] = {
        AS, {"errors", NULL, "列出被拒绝的行", "list the lines that were refused", 0}, RA, END};
static const struct cli_option batch_cancel[] = {
        AS,
        {"reason", "TEXT", "取消的理由，记入日志", "why; goes into the log", CLI_REQUIRED},
        RA,
        END,
};
static const struct cli_option notice_list[] = {
        AS,
        {"to", "UUID|NAME", "只列发给此人或部门的通知", "only those to this holder, officer or department",
         0},
        RA,
        END,
};
static const struct cli_option review[] = {
        AS,
        {"batch", "ID", "对批次中等待审核的全部申请作出决定", "decide on all of a batch that waits", 0},
        {"approve", NULL, "批准", "approve", 0},
        {"days", "N", "有效期天数（缺省：按模板）", "validity in days (default: as the profile says)", 0},
        {"refuse", "CODE", "拒绝，给出代码", "refuse, with a code", 0},
        {"return", "CODE", "退回更正，给出代码", "return for correction, with a code", 0},
        {"reason", "TEXT", "拒绝或退回的理由", "why it is refused or returned", 0},
        RA,
        END,
};
static const struct cli_option fetch[] = {
        AS_OR_KEY,
        {"out", "DIR", "写入此目录", "write into this folder", CLI_REQUIRED},
        {"envelope", "sm2|saed|skf|sdf", "加密密钥信封的格式（缺省 sm2）",
         "form of the key envelope (default sm2)", 0},
        {"key", "FILE", "签名私钥：打开信封并写出 enc.key；无 --as 时证明申请人",
         "signing key: opens the envelope and writes enc.key; without --as it proves the applicant", 0},
        {"pin-file", "FILE", "enc.key 的口令，也用于 --key",
         "PIN of enc.key, and of --key when that is encrypted", 0},
        {"p12", NULL, "并写出 sign.p12 与 enc.p12", "writes sign.p12 and enc.p12 too", 0},
        {"wait", "SECONDS", "最多等待的秒数（缺省 5）", "wait at most so long (default 5)", 0},
        RA,
        END,
};
static const struct cli_option accept[] = {
        AS_OR_KEY,
        {"key", "FILE", "所接受证书的签名私钥（代替 --as）",
         "signing key of what is accepted, instead of --as", 0},
        {"pin-file", "FILE", "--key 的口令", "PIN of --key", 0},
        RA,
        END,
};
#define GROUNDS                                                                                              \
	{"ground", "holder|institution|ra|ca", "由谁提出（缺省：按角色）",                                   \
	 "on whose ground (default: as the role says)", 0},                                                  \
	        {"reported", "TIME", "收到报告的时间", "when the report was received", 0},                   \
	        {"case", "TEXT", "关联的案件", "the case it belongs to", 0},                                 \
	{                                                                                                    \
		"only", NULL, "只对此证书，不及同对的另一张", "this certificate alone, not its pair", 0      \
	}
#define PROVEN                                                                                               \
	{"as", "DIR", "操作人员凭证目录", "folder of the officer's credential", 0},                          \
	        {"key", "FILE", "该证书的签名私钥（代替 --as）",                                             \
	         "the certificate's own signing key, instead of --as", 0},                                   \
	        {"certificate", "FILE", "签名证书（缺省：凭 --key 向注册机构取得）",                         \
	         "the signing certificate (default: the RA gives it to whoever has the key)", 0},            \
	{                                                                                                    \
		"pin-file", "FILE", "--key 的口令", "PIN of --key", 0                                        \
	}
static const struct cli_option revoke[] = {
        PROVEN,
        {"code", "FILE", "受理点给出的撤销码（代替 --as）", "the code of the counter, instead of --as", 0},
        {"reason", "R", "撤销原因（RFC 5280 5.3.1 的名称；--key、--code 缺省 keyCompromise）",
         "reason (names of RFC 5280 5.3.1; default with --key and --code: keyCompromise)", 0},
        {"uncertain", NULL, "报失人身份未确认：立即挂起，待确认",
         "who reports the loss is not known for certain: suspend at once", 0},
        {"invalidity", "TIME", "密钥失控的时刻", "since when the key was out of control", 0},
        GROUNDS,
        RA,
        END,
};
static const struct cli_option suspend[] = {PROVEN, GROUNDS, RA, END};
static const struct cli_option release[] = {AS, GROUNDS, RA, END};
#define MASS                                                                                                 \
	AS,                                                                                                  \
	        {"file", "FILE", "证书清单，每行一个 CA/SERIAL",                                             \
	         "list of certificates, CA/SERIAL in each line", 0},                                         \
	        {"organisation", "CODE", "单位的统一社会信用代码",                                           \
	         "unified social credit code of the organisation", 0},                                       \
	        {"ou", "NAME", "只限此部门", "this department only", 0},                                     \
	        {"preview", NULL, "只预览，给出令牌", "show what would happen, and the token", 0},           \
	        {"token", "TOKEN", "预览给出的令牌", "token of the preview", 0},                             \
	        {"resume", "ID", "继续中断的操作", "go on with an operation that broke off", 0},             \
	        {"ground", "holder|institution|ra|ca", "由谁提出（缺省 institution）",                       \
	         "on whose ground (default institution)", 0},                                                \
	{                                                                                                    \
		"case", "TEXT", "关联的案件", "the case it belongs to", 0                                    \
	}
static const struct cli_option mass[] = {MASS, RA, END};
static const struct cli_option mass_revoke[] = {
        MASS,
        {"reason", "R", "撤销原因（缺省 affiliationChanged）", "reason (default affiliationChanged)", 0},
        RA,
        END,
};
static const struct cli_option officer_only[] = {AS, RA, END};
static const struct cli_option alarms[] = {
        AS,
        {"ack", "ID", "确认此告警", "acknowledge this alarm", 0},
        {"all", NULL, "也列出已消除的告警", "those that are cleared too", 0},
        RA,
        END,
};
static const struct cli_option application[] = {
        AS,
        {"out", "DIR", "把证明材料写入此目录", "write the evidence into this folder", 0},
        RA,
        END,
};
static const struct cli_option show[] = {END};
#define PIECES                                                                                               \
	{"authority", "FILE", "上级证书：颁发机构与时间戳机构的证书链",                                      \
	 "certificates above: of authorities and time stamps", CLI_REPEAT},                                  \
	        {"crl", "FILE", "撤销列表", "revocation list", CLI_REPEAT},                                  \
	        {"ocsp", "FILE", "OCSP 应答", "OCSP answer", CLI_REPEAT},                                    \
	{                                                                                                    \
		"statement", "FILE", "陈述：申请、审批、接受、撤销、授权",                                   \
		        "statement: application, approval, acceptance, revocation, grant", CLI_REPEAT        \
	}
#define STAMPED                                                                                              \
	{"instance", "INSTANCE", "签发时间戳的实例", "instance that stamps the time", CLI_REQUIRED},         \
	        ENDPOINTS,                                                                                   \
	{                                                                                                    \
		"out", "FILE", "输出文件", "file to write", CLI_REQUIRED                                     \
	}
static const struct cli_option archive_make[] = {
        AS,
        {"certificate", "FILE", "要证明的证书", "certificate to prove", CLI_REQUIRED | CLI_REPEAT},
        PIECES,
        {"log", "FILE", "audit export 导出的 CA 日志", "log of the CA as audit export wrote it", CLI_REPEAT},
        STAMPED,
        END,
};
static const struct cli_option archive_renew[] = {AS, PIECES, STAMPED, END};
static const struct cli_option archive_verify[] = {
        {"trust", "DIR", "信任目录；应取自别处", "trust folder, taken from elsewhere", CLI_REQUIRED},
        {"organisation", "ORG", "信任目录所属机构（缺省：其路径 ORG/ROLE/trust）",
         "whose trust folder it is (default: from its path, ORG/ROLE/trust)", 0},
        AT,
        END,
};
static const struct cli_option statement_verify[] = {
        {"trust", "DIR", "信任目录；应取自别处（缺省：只验签名，不判断签名者）",
         "trust folder, taken from elsewhere (default: the signature only, the signer is not judged)", 0},
        {"organisation", "ORG", "信任目录所属机构（缺省：其路径 ORG/ROLE/trust）",
         "whose trust folder it is (default: from its path, ORG/ROLE/trust)", 0},
        AT,
        END,
};
static const struct cli_option profile_try[] = {
        {"profile", "P", "证书模板编号，或编辑中的模板文件",
         "id of a profile, or the file of one being edited", 0},
        {"class", "GOV|PUBLIC", "服务类别（缺省：模板的第一个）",
         "service class (default: the profile's first)", 0},
        {"key", "sm2|p256|rsa", "密钥种类（缺省：模板的第一个）",
         "kind of key (default: the profile's first)", 0},
        {"days", "N", "有效期天数（缺省：按模板）", "validity in days (default: as the profile says)", 0},
        AT,
        END,
};
#define CA                                                                                                   \
	{                                                                                                    \
		"ca", "FILE", "受信任的证书（PEM 或 DER）", "trusted certificate (PEM or DER)", CLI_REQUIRED \
	}
static const struct cli_option cert_verify[] = {
        CA,
        {"chain", "FILE", "中间证书", "certificates between", CLI_REPEAT},
        {"crl", "FILE", "撤销列表，可多次给出", "a revocation list; may be repeated", CLI_REPEAT},
        AT,
        END,
};
static const struct cli_option crl_verify[] = {CA, AT, END};
static const struct cli_option ocsp_verify[] = {
        CA,
        {"cert", "FILE", "应答必须说明的证书", "the certificate the answer must tell of", 0},
        AT,
        END,
};

static const struct cli_option bench[] = {
        {"out", "FILE", "把结果行并入此 JSON 文件", "merge the rows into this JSON file", 0},
        {"data", "DIR", "测试平台的空数据目录", "empty folder for the platform that is measured", 0},
        END,
};

#include "cli/rule_options.h"

const struct cli_command cli_commands[] = {
        {"up", NULL, 0, 0, up, cmd_up, "启动并看护本机的全部实例",
         "start and supervise all instances of this machine", false},
        {"serve", "INSTANCE", 1, 1, serve, cmd_serve, "启动并看护一个实例及其签名机",
         "start and supervise one instance and its signer", false},
        {"ceremony", NULL, 0, 0, ceremony, cmd_ceremony, "执行密钥仪式", "run the key ceremony", false},
        {"unlock", NULL, 0, 0, unlock, cmd_unlock, "为锁定的签名机解锁", "unlock locked signers", false},
        {"clock", "set TIME | step ±N", 2, 2, only_data, cmd_clock, "拨动测试时钟", "move the test clock",
         false},
        {"apply", NULL, 0, 0, apply, cmd_apply, "录入证书申请", "enter an application", false},
        {"update", "CA/SERIAL", 1, 1, update, cmd_update, "申请更新证书：同一主体，新密钥",
         "apply for an update: same holder, new key", false},
        {"extend", "CA/SERIAL", 1, 1, update, cmd_extend, "申请延期：密钥不变，延长有效期",
         "apply for an extension: same keys, later end", false},
        {"replace", "CA/SERIAL", 1, 1, replace, cmd_replace, "介质损坏后申请补办：新密钥，原证书撤销",
         "apply for a replacement after damage: new key, the old certificates end", false},
        {"recover", "CA/SERIAL…|ID", 1, CLI_OPERANDS_MAX, recover, cmd_recover, "恢复加密密钥",
         "recover encryption keys", false},
        {"blacklist add", NULL, 0, 0, blacklist, cmd_blacklist_add, "列入黑名单",
         "put somebody on the black list", false},
        {"blacklist remove", NULL, 0, 0, blacklist, cmd_blacklist_remove, "移出黑名单",
         "take somebody off the black list", false},
        {"blacklist list", NULL, 0, 0, officer_only, cmd_blacklist_list, "查看黑名单", "show the black list",
         false},
        {"notice list", NULL, 0, 0, notice_list, cmd_notice_list, "列出发出的通知",
         "list what people were told", false},
        {"directory show", NULL, 0, 0, record_common, cmd_directory_show, "查看目录发布的进度",
         "show how far the directory is", false},
        {"directory repair", NULL, 0, 0, record_common, cmd_directory_repair, "比对目录并修复差异",
         "compare the directory with what it shall hold and mend it", false},
        {"batch submit", "FILE.csv|FILE.jsonl", 1, 1, batch_submit, cmd_batch_submit, "批量录入证书申请",
         "enter applications from a file", false},
        {"batch show", "ID", 1, 1, batch_show, cmd_batch_show, "查看批次的进度", "show how far a batch is",
         false},
        {"batch cancel", "ID", 1, 1, batch_cancel, cmd_batch_cancel, "取消批次中尚未审核的申请",
         "cancel what of a batch is not decided yet", false},
        {"review", "ID", 0, 1, review, cmd_review, "审核证书申请", "decide on an application", false},
        {"audit verify", "DIR|FILE", 1, 1, audit_verify, cmd_audit_verify,
         "在副本上验证日志，不需要系统的任何密钥", "verify a copy of a log, without any key of the system",
         false},
        {"audit export", NULL, 0, 0, audit_export, cmd_audit_export, "导出实例的日志及其树头",
         "export an instance's log and its heads", false},
        {"audit heads", "LOG", 1, 1, audit_export, cmd_audit_heads, "取见证者保存的某日志的树头",
         "fetch the heads of a log that a witness keeps", false},
        {"backup create", NULL, 0, 0, backup_create_options, cmd_backup_create, "服务不停，备份数据目录",
         "back up the data folder while it serves", false},
        {"backup verify", "FILE", 1, 1, backup_verify_options, cmd_backup_verify, "检查备份",
         "check a backup", false},
        {"status rebuild", NULL, 0, 0, status_rebuild_options, cmd_status_rebuild,
         "服务不停，从 CA 日志重建状态库", "make the status store anew from the CA's log, while it serves",
         false},
        {"restore replay", NULL, 0, 0, restore_replay_options, cmd_restore_replay, "补录备份之后的撤销",
         "replay revocations made since the backup", false},
        {"restore accept", NULL, 0, 0, restore_accept_options, cmd_restore_accept, "确认恢复（须两人）",
         "accept the restoration: the second person lets issuing go on", false},
        {"restore", "FILE", 1, 1, restore_options, cmd_restore, "将备份恢复到空目录",
         "restore a backup into an empty folder", false},
        {"record show", "CA/SERIAL", 1, 1, record_show, cmd_record_show, "查阅证书的完整档案",
         "show the complete record of a certificate", false},
        {"record hold", "CA/SERIAL...", 1, CLI_OPERANDS_MAX, record_hold, cmd_record_hold, "对档案实施保全",
         "put records under a legal hold", false},
        {"record release", "HOLD", 1, 1, record_release, cmd_record_release, "解除保全", "end a legal hold",
         false},
        {"record dispose", "CA/SERIAL...", 0, CLI_OPERANDS_MAX, record_dispose, cmd_record_dispose,
         "期满销毁：一人列清单，另一人决定", "dispose after the term: one person lists, another decides",
         false},
        {"record attest", NULL, 0, 0, record_attest, cmd_record_attest, "时钟跳变后由两人声明时间",
         "attest the time after the clock jumped; two persons", false},
        {"record exceptions", NULL, 0, 0, record_common, cmd_record_exceptions, "列出不完整的档案",
         "list incomplete records", false},
        {"record scrub", NULL, 0, 0, record_common, cmd_record_scrub, "立即检查并修复两份副本",
         "check and mend both copies now", false},
        {"fetch", "ID", 1, 1, fetch, cmd_fetch, "取回证书与加密密钥信封",
         "fetch the certificates and the key envelope", false},
        {"accept", "ID", 1, 1, accept, cmd_accept, "登记订户接受证书", "record that the subscriber accepts",
         false},
        {"revoke", "CA/SERIAL", 1, 1, revoke, cmd_revoke, "撤销证书", "revoke a certificate", false},
        {"suspend", "CA/SERIAL", 1, 1, suspend, cmd_suspend, "挂起证书", "put a certificate on hold", false},
        {"release", "CA/SERIAL", 1, 1, release, cmd_release, "解除挂起", "release a certificate from hold",
         false},
        {"revocation-code", "CA/SERIAL", 1, 1, officer_only, cmd_revocation_code,
         "生成撤销码，当面交给持有人（只显示一次）", "make a revocation code for the holder; shown once",
         false},
        {"loss list", NULL, 0, 0, officer_only, cmd_loss_list, "列出挂失", "list the reports of loss", false},
        {"loss show", "ID", 1, 1, officer_only, cmd_loss_show, "查看挂失及其经过",
         "show a report of loss and its history", false},
        {"mass revoke", NULL, 0, 0, mass_revoke, cmd_mass_revoke, "批量撤销：先预览，凭令牌执行",
         "revoke many: preview first, then with its token", false},
        {"mass suspend", NULL, 0, 0, mass, cmd_mass_suspend, "批量挂起", "put many on hold", false},
        {"mass release", NULL, 0, 0, mass, cmd_mass_release, "批量解除挂起", "release many from hold", false},
        {"alarms", NULL, 0, 0, alarms, cmd_alarms, "查看或确认告警（--ra 指定实例）",
         "show or acknowledge alarms (--ra names the instance)", false},
        {"application show", "ID", 1, 1, application, cmd_application, "查看申请与证明材料",
         "show an application and its evidence", false},
        {"cert show", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_cert_show, "查看证书", "show certificates",
         false},
        {"cert verify", "FILE…", 1, CLI_OPERANDS_MAX, cert_verify, cmd_cert_verify, "验证证书链",
         "verify certificates up to a trusted one", false},
        {"csr show", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_csr_show, "查看证书请求",
         "show certificate requests", false},
        {"csr verify", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_csr_verify, "验证证书请求的签名",
         "verify the proof of possession", false},
        {"crl build", "CA", 1, 1, crl_build, cmd_crl_build, "请 CA 立即签发撤销列表",
         "ask the CA for a revocation list now", false},
        {"crl show", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_crl_show, "查看撤销列表",
         "show revocation lists", false},
        {"crl verify", "FILE…", 1, CLI_OPERANDS_MAX, crl_verify, cmd_crl_verify, "验证撤销列表",
         "verify revocation lists", false},
        {"ocsp show", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_ocsp_show, "查看 OCSP 应答",
         "show OCSP answers", false},
        {"ocsp verify", "FILE…", 1, CLI_OPERANDS_MAX, ocsp_verify, cmd_ocsp_verify, "验证 OCSP 应答",
         "verify OCSP answers", false},
        {"archive make", NULL, 0, 0, archive_make, cmd_archive_make, "制作长期存证包",
         "make an archive proof that outlives its certificates", false},
        {"archive renew", "FILE", 1, 1, archive_renew, cmd_archive_renew, "为存证包续加时间戳",
         "add a time stamp before the last one ends", false},
        {"archive verify", "FILE…", 1, CLI_OPERANDS_MAX, archive_verify, cmd_archive_verify, "离线验证存证包",
         "verify archive proofs off-line", false},
        {"statement show", "FILE…", 1, CLI_OPERANDS_MAX, show, cmd_statement_show, "查看陈述",
         "show statements", false},
        {"statement verify", "FILE…", 1, CLI_OPERANDS_MAX, statement_verify, cmd_statement_verify,
         "验证陈述及其版本链", "verify statements and the order of editions", false},
        {"profile list", NULL, 0, 0, show, cmd_profile_list, "列出证书模板", "list certificate profiles",
         false},
        {"profile show", "ID", 1, 1, show, cmd_profile_show, "显示证书模板文件", "show a profile's file",
         false},
        {"profile try", "FILE", 1, 1, profile_try, cmd_profile_try, "按模板试签发，不签名",
         "show the certificate an application would get, unsigned", false},
        RULE_COMMANDS,
        {"help", "COMMAND", 0, 2, show, cmd_help, "显示命令的帮助", "show the help of a command", false},
        {"bench", "GROUP…", 0, 16, bench, cmd_bench, "测量性能（由 make bench 调用）",
         "measure performance (called by make bench)", true},
        {"instance", "NAME", 1, 1, only_data, cmd_instance, "运行一个实例（由看护进程启动）",
         "run one instance (started by the supervisor)", true},
        {"signer", "NAME", 1, 1, only_data, cmd_signer, "运行签名进程（由看护进程启动）",
         "run a signer (started by the supervisor)", true},
        {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, false},
};
